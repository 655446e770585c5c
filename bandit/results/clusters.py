"""Crowds that lie apart, as segments to take over."""

from __future__ import annotations

from dataclasses import dataclass

from bandit.results.result import Result


@dataclass(frozen=True)
class Cluster:
    """``means`` of its centre by column; ``where`` is what a [[segment]] says."""

    name: str
    share: float
    means: dict[str, float]
    where: str


@dataclass(frozen=True)
class Clusters(Result):
    """``stability``: mean adjusted Rand index between halves; of a sample of ``customers``.

    ``several``: the share of them who are of more than one.
    """

    campaign: str
    customers: int
    stability: float
    several: float
    clusters: tuple[Cluster, ...]
