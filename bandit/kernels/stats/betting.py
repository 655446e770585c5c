"""Betting confidence sequences for the mean of non-negative terms.

Waudby-Smith, Ramdas (2023), Estimating means of bounded random variables by betting, JRSS-B, and
Waudby-Smith, Wu, Ramdas, Karampatziakis, Mineiro (2022), Anytime-valid off-policy inference for
contextual bandits: against the guess "the mean is m" one bets a share λ of one's capital on
every term. The capital of an even mixture over J bets is

    K_t(m) = 1/J Σ_j Π_{i ≤ t} (1 + min(λ_j, c/m) (y_i - m s_i)).

Under the guess K is a non-negative martingale, so that by Ville's inequality it ever passes 1/δ
with probability at most δ: look as often as you like. With bets that never change, K at one fixed
time also bounds the average of means that drift, for Π(1 + λ(m_i - m)) ≤ 1 by Jensen's inequality;
that is why the largest capital so far, which would be narrower, is not used.
y_i ≥ 0 needs no upper bound; s_i in (0, 1] is the unit's size (one for rows). The mixture costs
ln J once and needs no variance; bets tuned by a running variance gamble the risk away early.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float64
from bandit.kernels._compile import allocating, serial, serial_fast

BET_LIMIT = 0.75
"""c: at most this share of the capital can be lost at once; the paper's hedge lies in (0.5, 1)."""

BETS = 3.0 ** np.arange(-9, 7)
"""λ_j: the best bet is about gap/variance, here from 5e-5 to 729. Between two neighbours of ratio
three, one is off by at most √3, which keeps 73 % of the best bet's growth."""

STEPS = 40
"""Halvings of the bracket: to 1e-12 of its width."""

_FULL = 1e280
"""Capital is not counted beyond this; the product of one more term stays finite."""


# Fast-math: the caller has refused NaN and infinity, and _FULL keeps every product finite. Only the
# order of the sum over bets changes.
@serial_fast
def final_capital(terms: Float64, sizes: Float64, guess: float) -> float:
    """K(guess) after all terms."""
    bets = np.minimum(BETS, BET_LIMIT / guess) if guess > 0.0 else BETS.copy()
    capital = np.full(bets.size, 1.0 / bets.size)
    for t in range(terms.size):
        gain = terms[t] - guess * sizes[t]
        for j in range(bets.size):
            capital[j] = min(capital[j] * (1.0 + bets[j] * gain), _FULL)
    return float(capital.sum())


@serial
def lower_limit(terms: Float64, sizes: Float64, threshold: float, ceiling: float) -> float:
    """Largest guess in [0, ceiling] whose capital is ``threshold`` = 1/δ; K falls with m."""
    low, high = 0.0, ceiling
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        if final_capital(terms, sizes, middle) >= threshold:
            low = middle
        else:
            high = middle
    return low


@allocating
def capital_path_into(terms: Float64, sizes: Float64, guess: float, out: Float64) -> None:
    """Fill ``out`` [u] with ln K_t(guess)."""
    bets = np.minimum(BETS, BET_LIMIT / guess) if guess > 0.0 else BETS.copy()
    capital = np.full(bets.size, 1.0 / bets.size)
    for t in range(terms.size):
        gain, total = terms[t] - guess * sizes[t], 0.0
        for j in range(bets.size):
            capital[j] = min(capital[j] * (1.0 + bets[j] * gain), _FULL)
            total += capital[j]
        out[t] = np.log(total)


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
