"""What a customer's basket lacks, and what says so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """Something that was bought, and what it added to a gap."""

    product: str
    part: float


@dataclass(frozen=True)
class Gap:
    """How much a product is lacking from a basket of ``bought`` products, by like baskets.

    ``gap`` is None where it is ``held``, or nothing was bought; ``offers`` name the product;
    ``items`` carried it, the largest part first.
    """

    product: str
    offers: list[str]
    gap: float | None
    held: bool
    bought: int
    items: list[Item]
