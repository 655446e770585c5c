"""Betting confidence sequences for the mean of non-negative terms.

Waudby-Smith, Ramdas (2023), Estimating means of bounded random variables by betting, JRSS-B, and
Waudby-Smith, Wu, Ramdas, Karampatziakis, Mineiro (2022), Anytime-valid off-policy inference for
contextual bandits: against the guess "the mean is m" one bets the share λ_t of one's capital,

    K_t(m) = Π_{i ≤ t} (1 + λ_i (y_i - m s_i)),    λ_i = min(λ̃_i, c / m),

λ̃_i known before y_i. Under the guess K is a non-negative martingale, so that by Ville's inequality
it ever passes 1/δ with probability at most δ: the guesses whose capital has not, hold the mean for
all t at once. y_i ≥ 0 needs no upper bound. s_i in (0, 1] is the unit's size (one for rows).
"""

from __future__ import annotations

import numpy as np

from bandit.kernels._compile import serial
from bandit.types import Float64

BET_LIMIT = 0.75
"""c: at most this share of the capital can be lost at once; the paper's hedge lies in (0.5, 1)."""

PRIOR_VARIANCE = 0.25
"""The largest variance on [0, 1], counted as one observation until data speak."""

STEPS = 52
"""Halvings of the bracket: to the last bit of a float64."""


@serial
def predictable_bets_into(terms: Float64, sizes: Float64, delta: float, bets: Float64) -> None:
    """Fill ``bets`` [u] with λ̃_t = √(2 ln(1/δ) / (σ̂²_{t-1} t ln(1 + t))): equation (26).

    ``terms`` y [u] ≥ 0 with mean about [0, 1]; the variance estimate uses the past only.
    """
    total, size, squares = 0.5, 1.0, PRIOR_VARIANCE
    wish = 2.0 * np.log(1.0 / delta)
    for t in range(terms.size):
        variance = squares / (t + 1.0)
        bets[t] = np.sqrt(wish / (variance * (t + 1.0) * np.log(t + 2.0)))
        total += terms[t]
        size += sizes[t]
        gap = terms[t] - sizes[t] * total / size
        squares += gap * gap


@serial
def ever_rejected(
    terms: Float64, sizes: Float64, bets: Float64, guess: float, threshold: float
) -> bool:
    """Whether the capital against ``guess`` ever reached ``threshold`` = 1/δ."""
    most = BET_LIMIT / guess if guess > 0.0 else np.inf
    capital = 1.0
    for t in range(terms.size):
        capital *= 1.0 + min(bets[t], most) * (terms[t] - guess * sizes[t])
        if capital >= threshold:
            return True
    return False


@serial
def lower_limit(
    terms: Float64, sizes: Float64, bets: Float64, threshold: float, ceiling: float
) -> float:
    """Largest rejected guess in [0, ceiling], 0 if none: K falls with m, so halving finds it."""
    low, high = 0.0, ceiling
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        if ever_rejected(terms, sizes, bets, middle, threshold):
            low = middle
        else:
            high = middle
    return low


@serial
def capital_path_into(
    terms: Float64, sizes: Float64, bets: Float64, guess: float, out: Float64
) -> None:
    """Fill ``out`` [u] with ln K_t(guess)."""
    most = BET_LIMIT / guess if guess > 0.0 else np.inf
    log_capital = 0.0
    for t in range(terms.size):
        log_capital += np.log1p(min(bets[t], most) * (terms[t] - guess * sizes[t]))
        out[t] = log_capital


@serial
def variance_process(terms: Float64, sizes: Float64) -> float:
    """V = Σ (y_t - s_t ŷ_{t-1})², ŷ in [0, 1] from the past, of the empirical Bernstein process.

    Howard, Ramdas, McAuliffe, Sekhon (2021), Time-uniform, nonparametric, nonasymptotic confidence
    sequences, theorem 4: it stays valid when the mean itself moves.
    """
    total, size, squares = 0.5, 1.0, 0.0
    for t in range(terms.size):
        guess = min(total / size, 1.0)
        gap = terms[t] - sizes[t] * guess
        squares += gap * gap
        total += terms[t]
        size += sizes[t]
    return squares
