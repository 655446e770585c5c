"""Who may get what: eligibility, contact pressure, slots, prices."""

from bandit.allocation.problem import InfeasibleError
from bandit.allocation.solve import Solution, solve

__all__ = ["InfeasibleError", "Solution", "solve"]
