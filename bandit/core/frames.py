"""Frames of any make as Arrow."""

from __future__ import annotations

import pyarrow as pa

from bandit.core.errors import DataError


def table_of(frame: object) -> pa.Table:
    """The rows of a frame; a stream is used up by it.

    Raises
    ------
    DataError
        Something without ``__arrow_c_stream__``, or that Arrow cannot read.
    """
    if not hasattr(frame, "__arrow_c_stream__"):
        remedy = "collect it first" if hasattr(frame, "collect") else "make one of it"
        raise DataError(
            "a frame is Polars, pandas, Arrow, a DuckDB relation or whatever else has"
            f" __arrow_c_stream__, this is {type(frame).__name__}; {remedy}"
        )
    try:
        return pa.RecordBatchReader.from_stream(frame).read_all()
    except pa.ArrowException as e:
        reason = str(e).split("\n", 1)[0]
        raise DataError(f"the frame cannot be read as Arrow: {reason}") from None
