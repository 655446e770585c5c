"""How a run goes: its guards, its engine, its lists."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    Field,
)

from bandit.config.section import Count, Share, Strict, formed


class Limits(Strict):
    """Guards of a run."""

    reject_share: Share = 0.01
    max_contacts: Count | None = None
    memory_mb: Annotated[int, Field(ge=100)] = 400
    query_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 3600.0
    batch_size: Annotated[int, Field(ge=1, le=10_000_000)] = 50_000


SparkOption = Annotated[
    str,
    formed(
        r"spark\.(executor\.(memory|memoryOverhead|cores|instances)|task\.(cpus|maxFailures)"
        r"|cores\.max|default\.parallelism|speculation(\.\w+)*|dynamicAllocation(\.\w+)*"
        r"|network\.timeout|driver\.(memory|host|bindAddress|port))",
        "options size a run (spark.executor.memory, spark.task.cpus, ...; see docs/spark.md); give"
        " all else to spark-submit",
    ),
]
"""What sizes a run. What loads code (jars, class paths) is for who submits, not for this file."""


class Engine(Strict):
    """Where `serve-batch` and `learn` run; it changes no result."""

    kind: Literal["local", "spark"] = "local"
    master: str | None = None
    partitions: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    options: dict[SparkOption, str] = Field(default_factory=dict)


class Exports(Strict):
    """The lists that go to the channels."""

    format: Literal["csv", "parquet"] = "csv"


class Live(Strict):
    """How `bandit serve` decides; after 0 seconds no epoch begins: prices stay."""

    epoch_seconds: Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)] = 60.0


class Insiders(Strict):
    """Our own people among the customers, whom `experiment test-send` writes lists for."""

    customers: Annotated[tuple[str | int, ...], Field(min_length=1)]
