"""Columns of covariances in the order of whom they count for.

Where actions may not be taken by everybody, a product of a row with all of them is mostly for
nothing: half of the pairs of a campaign are closed by consents and rules. Panels of sixteen columns
can be left out whole if no action in them is open, and whole panels are closed where columns that
are open for the same rows lie together, as those of a channel do.

Which these are a sample of rows tells. It says nothing of the result: whatever the order, each
product has the same terms, added up in the same order.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from bandit.core.types import Bool, Int64
from bandit.kernels.linear.dense_widths import Dense
from bandit.kernels.simd import product

SAMPLE = 256
"""Rows by which columns are compared, a multiple of 64."""


def by_column(mask: Bool, dense: Dense) -> Bool:
    """For whom each column counts, bool[n, w], if ``mask`` bool[n, k] says it of actions."""
    out = np.zeros((len(mask), dense.share.size), np.bool_)
    order = np.argsort(dense.column, kind="stable")
    column = dense.column[order]
    begins = np.flatnonzero(np.diff(column, prepend=-1))
    if len(begins) == len(order):
        out[:, dense.column] = mask
    else:
        out[:, column[begins]] = np.logical_or.reduceat(mask[:, order], begins, axis=1)
    return out


def side_by_side(mask: Bool) -> Int64:
    """An order of columns bool[`SAMPLE`, w], in which those alike share a panel.

    Panel by panel: the first that is left, and whoever of the others differs least from it.
    """
    bits = np.ascontiguousarray(np.packbits(mask, axis=0).T).view(np.uint64)
    left, order = np.arange(len(bits)), []
    while len(left):
        apart = np.bitwise_count(bits[left] ^ bits[left[0]]).sum(axis=1, dtype=np.int64)
        near = np.argsort(apart, kind="stable")
        order.append(np.sort(left[near[: product.PANEL]]))
        left = np.sort(left[near[product.PANEL :]])
    return np.concatenate(order)


def share_needed(mask: Bool, order: Int64) -> float:
    """Of the panels that columns bool[n, w] make in that order, how many a row needs."""
    begins = np.arange(0, len(order), product.PANEL)
    return float(np.logical_or.reduceat(mask[:, order], begins, axis=1).mean())


def in_order(dense: Dense, order: Int64) -> Dense:
    """The same with its columns in another order, for propensities alone: nothing is short."""
    width, edges = len(order), dense.edges
    place = np.empty(width, np.int32)
    place[order] = np.arange(width)
    panels = np.empty_like(dense.panels)
    for first, last in pairwise(edges):
        begin, end = int(first * (first + 1) // 2), int(last * (last + 1) // 2)
        part = np.empty((width, end - begin), np.float32)
        product.unpack_columns_into(dense.panels[begin * width : end * width], part)
        product.pack_columns_into(part[order], panels[begin * width : end * width])
    nothing = np.zeros(0, np.float32)
    return dense._replace(
        column=place[dense.column], share=dense.share[order], size=dense.size[order],
        panels=panels, short=np.zeros(0, np.int16), short_step=nothing, short_error=nothing,
        sorted=True,
    )  # fmt: skip
