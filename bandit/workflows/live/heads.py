"""The head of a segment, and the waves that are made from it again, whatever is configured then."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from bandit.core.types import Float64
from bandit.record.streams import Segment
from bandit.workflows.live.frames import Head, Paced
from bandit.workflows.live.generation import Generation
from bandit.workflows.serve import limits, pinned, serving_model
from bandit.workflows.serve import plan as plans
from bandit.workflows.serve.limits import Charges
from bandit.workflows.serve.made_again import campaign_of, made_again, running_of, told
from bandit.workflows.serve.wave import Wave


def head(generation: Generation, segment: Segment, paced: Paced | None = None) -> Head:
    """What a segment's decisions are made with; ``paced``: how its prices move."""
    wave, values = generation.wave, generation.customers.values
    shadow = wave.run.campaign.shadow
    return Head(
        wave=segment.wave,
        day=segment.day,
        snapshot=wave.start.version,
        prices=wave.plan.prices[0].tolist(),
        arm_prices=wave.plan.prices[1:].tolist(),
        values=values.tolist() if values.ndim == 1 else None,
        past=sorted(generation.past),
        shadow=None if shadow is None else shadow.label,
        paced=paced,
        **told(wave),
    )


def wave_of(folder: Path, head: Head, name: str) -> Wave:
    """The wave ``name`` of a segment again; DataError or UsageError if its snapshot is gone."""
    content = msgspec.structs.asdict(head)
    campaign = campaign_of(folder, content)
    start = serving_model.of_version(campaign, head.snapshot)
    start = pinned.beside(campaign, start, running_of(content))
    return at_prices(head, made_again(campaign, content, name, start), None)


def at_prices(head: Head, wave: Wave, prices: Float64 | None) -> Wave:
    """A wave of a segment in one of its epochs.

    Its limits cost ``prices`` float64[p, m] a unit then, None where they stay as in the head.
    """
    if head.paced is None or prices is None:
        return wave.at_prices(np.array([head.prices, *head.arm_prices]))
    limited = limits.of(wave.run.campaign, wave.catalogue, wave.plan)
    return wave.at_prices(Charges.of(limited).at(prices))


def renamed(wave: Wave, name: str) -> Wave:
    """The same wave under another name, which decides its shares and its draws."""
    run = wave.run._replace(wave=name)
    plan = plans.make(
        run.campaign, wave.catalogue, wave.plan.space, run.at, wave.posterior, name,
        run.experiments, wave.pinned,
    )  # fmt: skip
    return wave._replace(run=run, plan=plan._replace(prices=wave.plan.prices))
