"""Where a table holds a number that is none: by its bits, at the speed of memory."""

from __future__ import annotations

from bandit.kernels._compile import serial


@serial
def bad_rows_into(first, last, bits, infinity, grain, out):
    """``out[first / grain]`` = the first row in [first, last) with NaN or infinity, else unchanged.

    ``bits`` int32 or int64 [n, w] are the numbers' bit patterns, ``infinity`` that of infinity:
    a number is not finite where all bits of its exponent are set.
    """
    for i in range(first, last):
        largest = infinity & 0
        for j in range(bits.shape[1]):
            largest = max(largest, bits[i, j] & infinity)
        if largest == infinity:
            out[first // grain] = i
            return
