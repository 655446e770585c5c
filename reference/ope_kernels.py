"""Plain loops from the formulae, in Python's own numbers: the oracle of the evaluation kernels."""

from __future__ import annotations

import math

import numpy as np

WORD = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(word):
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & WORD
    return word ^ (word >> 31)


def studentised(sums, ratio, contrasts, values, seed, draws):
    """t* of each contrast from the units that were drawn, one by one."""
    units, out = len(sums), []
    for b in range(draws):
        stream = mix(mix((seed + GOLDEN) & WORD) ^ ((b + GOLDEN) & WORD))
        picks = [
            ((mix((stream + (i + 1) * GOLDEN) & WORD) >> 32) * units) >> 32 for i in range(units)
        ]
        drawn = [policy(sums[picks, p], ratio[p]) for p in range(sums.shape[1])]
        line = []
        for (one, other), value in zip(contrasts.tolist(), values, strict=True):
            found, effects = drawn[one]
            if other >= 0:
                found, effects = found - drawn[other][0], effects - drawn[other][1]
            line.append((found - value) / math.sqrt(units / (units - 1) * (effects**2).sum()))
        out.append(line)
    return np.array(out)


def policy(units, ratio):
    """Value from columns base, residual, weight, rows, and each unit's influence on it."""
    base, residual, weight, rows = units.T
    size = weight if ratio else rows
    mean, slope = base.sum() / rows.sum(), residual.sum() / size.sum()
    return mean + slope, (base - mean * rows) / rows.sum() + (residual - slope * size) / size.sum()


def log_capital(terms, sizes, guess, limit=0.75):
    """ln K_t for every t, from sums of logarithms."""
    bets = [3.0**e if guess == 0.0 else min(3.0**e, limit / guess) for e in range(-9, 7)]
    wealth, out = np.zeros(len(bets)), []
    for y, s in zip(terms, sizes, strict=True):
        wealth = wealth + [math.log1p(bet * (y - guess * s)) for bet in bets]
        out.append(np.logaddexp.reduce(wealth) - math.log(len(bets)))
    return np.array(out)


def variance_process(terms, sizes):
    total, size, squares = 0.5, 1.0, 0.0
    for y, s in zip(terms, sizes, strict=True):
        squares += (y - s * min(1.0, total / size)) ** 2
        total, size = total + y, size + s
    return squares
