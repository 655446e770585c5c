"""Who may get what: eligibility, contact pressure, slots, prices."""

from bandit.allocation.blocks import Block
from bandit.allocation.prices import Prices, answering, correct, find_prices, follow, jittered
from bandit.allocation.problem import InfeasibleError
from bandit.allocation.solve import Solution, solve
from bandit.allocation.thinning import (
    Quotas,
    kept,
    no_contact_probability,
    plan_quotas,
    thresholds,
)
from bandit.allocation.what_if import Point, what_if

__all__ = [
    "Block",
    "InfeasibleError",
    "Point",
    "Prices",
    "Quotas",
    "Solution",
    "answering",
    "correct",
    "find_prices",
    "follow",
    "jittered",
    "kept",
    "no_contact_probability",
    "plan_quotas",
    "solve",
    "thresholds",
    "what_if",
]
