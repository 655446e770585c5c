"""What was decided for customers as the frames that stand for it."""

from __future__ import annotations

from collections.abc import Iterator

from bandit.workflows.live.answers import slots_of
from bandit.workflows.live.frames import Decided
from bandit.workflows.live.requests import Made, Request
from bandit.workflows.live.shadow import Beside
from bandit.workflows.live.together import Filled
from bandit.workflows.serve.prepare import Prepared


def made(filled: Filled, ready: Prepared, occasion: int, at: int, epoch: int) -> Iterator[Made]:
    """What each customer that stands was decided for."""
    slots, joints = slots_of(filled.taken, ready), filled.joint.tolist()
    left, each = ready.left.tolist(), ready.values.ndim == 2
    for i, used in enumerate(filled.used):
        yield Made(
            occasion, at, slots[i], joints[i], ready.contexts[i].tobytes(), left[i],
            ready.values[i].tobytes() if each else b"", used, epoch,
        )  # fmt: skip


def frame(
    request: Request,
    made: Made,
    before: tuple[str, int, int] | None,
    answer: bytes,
    shadow: Beside,
    units: list[int],
) -> Decided:
    """The frame of one; ``before`` and ``units`` as in `Decided`."""
    return Decided(
        request=request.asked.request_id,
        asked=request.body,
        customer=request.person.customer,
        occasion=made.occasion,
        at=made.at,
        slots=made.slots,
        joint=made.joint,
        context=made.context,
        left=made.left,
        values=made.values,
        used=dict(made.used),
        before=before,
        answer=answer,
        cause=request.cause,
        waits=not request.asked.activate,
        shadow=shadow,
        told=request.asked.context,
        fallback=made.fallback,
        units=units,
        epoch=made.epoch,
    )
