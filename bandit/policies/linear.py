"""What LinUCB, Greedy and LinTS share: calls of the linear kernels."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Bool, Float32, Float64, Int32, Int64
from bandit.kernels.held import Held, entry
from bandit.kernels.linear import linear_choice, linked_choice, pair_moments
from bandit.kernels.linear.decide import Model
from bandit.kernels.linear.linear_choice import GRAIN, TASK
from bandit.kernels.linear.link import IDENTITY, responses_into
from bandit.kernels.linear.masked_choice import EVERYTHING
from bandit.kernels.linear.price_contenders import Reach
from bandit.kernels.linear.situation import Mode, Situation
from bandit.kernels.simd.product import PANEL
from bandit.kernels.threads import share, spread
from bandit.models.moments import Moments
from bandit.models.moved import NO_MEANS, Moved
from bandit.models.sorted_columns import SAMPLE, by_column, in_order, share_needed, side_by_side
from bandit.policies.choice_request import ChoiceRequest
from bandit.policies.contest import Box, Contest, settled, together

_INT, _FLAG, _REAL = np.dtype(np.int32), np.dtype(np.bool_), np.dtype(np.float64)
"""NumPy makes one of a type's name anew for every array."""
_NO_STREAM = np.uint64(0)
_NOBODY: Int32 = np.zeros(0, np.int32)
_EQUAL: Float64 = np.zeros(0)
NOTHING, OWN, GIVEN, WEIGHTED, TAKEN = range(5)
"""Whose propensity: nobody's, the decided action's, a given action's, all by their weights, the
given action's or else the decided one's."""


CHARGES = 1 << 21
"""Charges of every row and action at once: of 16 MB memory that was freed is taken up again, of
more it is asked anew from the system, page by page."""


LOOKED = 64
"""Of so many rows the masks are looked at, whether columns are sorted for them."""


SORTED, NEEDED = 4096, 0.85
"""Columns are sorted for so many rows at least, if no more than such a share of panels is needed:
that takes as long as some hundred rows."""


FEW = 16
"""Rivals a row for which there is room at first."""


_Out = tuple[Int32, Float64, Float64, Float64]
_NO_BROAD: Float64 = np.zeros((0, 1))


def _contexts(request: ChoiceRequest) -> tuple[Float32, Float64]:
    x = request.contexts
    if x.dtype.itemsize == 4:
        return x, _NO_BROAD
    return np.zeros((0, x.shape[1]), np.float32), x


def _situation(request: ChoiceRequest, bounded: bool) -> Situation:
    (narrow, broad), moved = _contexts(request), request.posterior
    costs, listed, means = request.costs, request.costs, NO_MEANS
    if isinstance(moved, Moved):
        costs, listed, means = moved.charged(request.contexts, request.values, costs)
    # `Situation(...)` takes as long as a small kernel.
    return tuple.__new__(
        Situation,
        (
            narrow, broad, request.eligible, request.packing, request.values, costs,
            request.priced, request.keys, bounded, means, listed,
        ),
    )  # fmt: skip


_SIZES = (1, 6, 24, 48, 96, 128)
"""Rows for which scratch is kept: a whole tile of them, as many as a block has, and a few blocks'
rows, as a turn of live decisions has at most."""


class _Room(NamedTuple):
    """Scratch made for a model, and the kernel that is called with it."""

    model: Model
    held: Held
    choose: Callable[..., None]


class _Kept(threading.local):
    """A thread's scratch for a few rows, by what is asked, and the model that it was made for."""

    def __init__(self) -> None:
        self.rooms: dict[tuple[int | bool, ...], _Room] = {}

    def choose_into(
        self, rows: int, whose: int, model: Model, situation: Situation, mode: Mode, out: _Out
    ) -> None:
        """Decide with `linear_choice.empty_room`, which takes longer to make than to use.

        ``whose`` as in `ChoiceRequest`: arms with models of their own take no other's room.
        All arrays are of one type each, as `checked` and `choose_linear` make them.
        """
        size = rows if rows == 1 else next(size for size in _SIZES if size >= rows)
        asked = (
            size, whose, len(situation.values) > 1, len(situation.listed) > 1,
            mode.thompson, mode.propensity, len(situation.broad) > 0, situation.bounded,
        )  # fmt: skip
        made = self.rooms.get(asked)
        if made is None or made.model is not model:
            held = linear_choice.held(model, linear_choice.empty_room(model, situation, mode, size))
            choose = entry(linear_choice.choose_rows_into, 0, rows, held, situation, mode, *out)
            made = self.rooms[asked] = _Room(model, held, choose)
        made.choose(0, rows, made.held, situation, mode, *out)


_KEPT = _Kept()


class _Sorted(NamedTuple):
    """A model whose columns were sorted for the masks of a call, and what share was needed then."""

    model: Model
    order: Int64
    made: Model
    share: float


_LAST: list[_Sorted] = []
"""At most one, for the next call: a wave's batches have the same model and masks alike."""


def _sorted_for(request: ChoiceRequest, model: Model, mode: Mode) -> Model:
    """The model with columns sorted where masks leave panels of them out, else as it is."""
    width = model.dense.share.size
    if mode.propensity == NOTHING or request.packing == EVERYTHING or model.link != IDENTITY:
        return model
    if model.dense.panels.size == 0 or width < 4 * PANEL:
        return model

    def seen(rows: Array) -> Bool:
        return by_column(request.only(rows).mask(), model.dense)

    rows = np.linspace(0, request.n - 1, SAMPLE + LOOKED).astype(np.int64)
    look = np.linspace(0, len(rows) - 1, LOOKED).astype(np.int64)
    looked = seen(rows[look])
    last = _LAST[0] if _LAST and _LAST[0].model is model else None
    if last is not None and share_needed(looked, last.order) < 1.1 * last.share:
        return last.made
    order = side_by_side(seen(np.delete(rows, look)))
    share = share_needed(looked, order)
    made = model if share > NEEDED else model._replace(dense=in_order(model.dense, order))
    _LAST[:] = [_Sorted(model, order, made, share)]
    return made


def _blocks(request: ChoiceRequest) -> list[tuple[int, int]] | None:
    """First and last of the rows that charges have room for at once; None where all have."""
    n = request.n
    if n * request.k <= CHARGES or not isinstance(request.posterior, Moved):
        return None
    step = max(1, CHARGES // (TASK * request.k)) * TASK
    return [(first, min(first + step, n)) for first in range(0, n, step)]


def _choose_into(
    request: ChoiceRequest, model: Model, bounded: bool, mode: Mode, out: _Out
) -> None:
    situation, linear = _situation(request, bounded), model.link == IDENTITY
    if linear and 0 < request.n <= _SIZES[-1]:
        _KEPT.choose_into(request.n, request.whose, model, situation, mode, out)
    elif linear:
        share(linear_choice.choose_into, request.n, TASK, model, situation, mode, *out)
    else:
        spread(linked_choice.choose_into, request.n, TASK, model, situation, mode, *out)


def choose_linear(
    request: ChoiceRequest,
    alpha: float,
    *,
    thompson: bool = False,
    stream: np.uint64 = _NO_STREAM,
    propensity: int = NOTHING,
    given: Int32 = _NOBODY,
    weights: Float64 = _EQUAL,
    scored: bool = True,
) -> tuple[Int32, Float64, Float64, Float64]:
    """Run the choose loop: action int32[n], its mean, width and propensity float64[n].

    With ``propensity`` = GIVEN nothing is decided, only the propensity of ``given`` is filled in;
    with WEIGHTED only the sum of all propensities times ``weights``; with TAKEN action, mean and
    propensity are those of ``given`` where it is not -1. Without ``scored`` only actions (and
    propensities) count: the rest may be zero.
    """
    n, (model, bounded) = request.n, request.needs_posterior().model
    action, mean, width = np.zeros(n, _INT), np.zeros(n), np.zeros(n)
    chance = np.ones(n) if propensity == NOTHING else np.empty(n)
    mode = tuple.__new__(
        Mode,
        (
            float(alpha), thompson, propensity, stream, np.ascontiguousarray(given, _INT),
            np.ascontiguousarray(weights, _REAL), scored, np.zeros(1, _FLAG),
        ),
    )  # fmt: skip
    if model.link != IDENTITY:
        request.validate()
    if n >= SORTED:
        model = _sorted_for(request, model, mode)
    out = action, mean, width, chance
    if n * request.k <= CHARGES or (blocks := _blocks(request)) is None:
        _choose_into(request, model, bounded, mode, out)
    else:
        for first, last in blocks:
            own = mode._replace(given=mode.given[first:last])
            part = action[first:last], mean[first:last], width[first:last], chance[first:last]
            _choose_into(request.rows(first, last), model, bounded, own, part)
    if mode.doubt[0]:
        request.validate()
    if scored and propensity not in (GIVEN, WEIGHTED) and isinstance(request.posterior, Moved):
        mean = mean + request.posterior.lifts_at(request.contexts, action)
    return action, mean, width, chance


def tells_linear(posterior: Moments | None) -> bool:
    """Whether `contest_linear` answers: not for a model with a link function."""
    return posterior is not None and posterior.model[0].link == IDENTITY


def contest_linear(
    request: ChoiceRequest,
    alpha: float,
    wanted: Bool,
    box: Box,
    *,
    thompson: bool = False,
    stream: np.uint64 = _NO_STREAM,
) -> Contest:
    """What the choose loop may take in rows ``wanted`` bool[n] at prices of a box beside the costs.

    See `tells_linear`.
    """
    doubt = np.zeros(1, np.bool_)
    mode = Mode(float(alpha), thompson, NOTHING, stream, _NOBODY, _EQUAL, False, doubt)
    asked = request._replace(costs=request.costs + box.dear, priced=True)
    rows = np.arange(request.n)
    if isinstance(request.posterior, Moved):
        # What moves means is found of all rows that are given, so of the others nothing is.
        rows = np.flatnonzero(wanted)
        asked = asked.only(rows)
    if not len(rows):
        return settled(np.zeros(request.n, np.int32), wanted)
    found = [
        _contest(asked.rows(first, last), mode, wanted[rows[first:last]], box).at(
            rows[first:last], request.n
        )
        for first, last in _blocks(asked) or [(0, asked.n)]
    ]
    if doubt[0]:
        request.validate()
    return found[0] if len(found) == 1 else together(found)


def _contest(request: ChoiceRequest, mode: Mode, wanted: Bool, box: Box) -> Contest:
    n, k = request.n, request.k
    model, bounded = request.needs_posterior().model
    drop = box.dear - box.cheap
    fall = np.zeros(model.upper.size, np.float32)
    fall[:k] = np.nextafter(drop.astype(np.float32), np.float32(np.inf))
    action, size = np.empty(n, np.int32), np.empty(n, np.int32)
    situation, tasks = _situation(request, bounded), -(-n // TASK)
    for room in (min(FEW, k) * TASK, k * TASK):
        rival, worth = np.empty(tasks * room, np.int32), np.empty(tasks * room)
        reach = Reach(wanted, box.dear, drop, fall, np.array([room]), size, rival, worth)
        share(
            linear_choice.compete_into, n, TASK, model, situation, mode, reach, action, _EQUAL,
            _EQUAL, _EQUAL,
        )  # fmt: skip
        if not (size < 0).any():
            break
    rows = np.flatnonzero(size > 0)
    offsets = np.concatenate([[0], np.cumsum(size[rows], dtype=np.int64)])
    begun = offsets[np.searchsorted(rows, np.arange(tasks + 1) * TASK)]
    places = np.concatenate([np.arange(m) + t * room for t, m in enumerate(np.diff(begun))])
    return Contest(action, np.zeros(n, np.bool_), rows, offsets, rival[places], worth[places])


def linked_table(request: ChoiceRequest, alpha: float) -> Float64:
    """Probability that each action samples the largest worth by the model's link, float64[n, k]."""
    out = np.zeros((request.n, request.k))
    means, widths = moments_table(request)
    model, bounded = request.needs_posterior().model
    spread(
        linked_choice.probabilities_into, request.n, GRAIN,
        model.link, means, widths, alpha, _situation(request, bounded), out,
    )  # fmt: skip
    return out


def outcomes(request: ChoiceRequest, scores: Float64) -> Float64:
    """Outcomes that scores float64[n] or [n, k] stand for, by the model's link."""
    link = request.needs_posterior().model[0].link
    if link == IDENTITY:
        return scores
    found = np.ascontiguousarray(scores.reshape(request.n, -1))
    spread(responses_into, request.n, TASK, link, found)
    return found.reshape(scores.shape)


def moments_table(request: ChoiceRequest) -> tuple[Float64, Float64]:
    """Mean ``xᵀA⁻¹b`` and width ``√(xᵀA⁻¹x)`` of every action, float64[n, k]."""
    means, widths = np.zeros((request.n, request.k)), np.zeros((request.n, request.k))
    model = request.needs_posterior().model[0]
    narrow, broad = _contexts(request)
    spread(
        linear_choice.moments_table_into, request.n, GRAIN,
        narrow, broad, model.theta, model.inverse, means, widths,
    )  # fmt: skip
    lifts = request.lifts()
    return means if lifts is None else means + lifts, widths


def widths_at(request: ChoiceRequest, action: Int32) -> Float64:
    """Width of one action a row, float64[n]."""
    out = np.zeros(request.n)
    narrow, broad = _contexts(request)
    model = request.needs_posterior().model[0]
    spread(
        pair_moments.row_widths_into, request.n, TASK,
        narrow, broad, action, model.theta, model.inverse, out,
    )  # fmt: skip
    return out


def means_at(request: ChoiceRequest, action: Int32) -> Float64:
    """Posterior mean of one action a row, float64[n]; zero where there is no posterior."""
    if request.posterior is None:
        return np.zeros(request.n)
    out = np.zeros(request.n)
    narrow, broad = _contexts(request)
    theta = request.posterior.model[0].theta
    spread(pair_moments.row_means_into, request.n, TASK, narrow, broad, action, theta, out)
    return request.lifted(out, action)
