"""Off-policy evaluation: estimators, intervals, diagnostics, the gate.

Estimators are pure functions of arrays; a policy never appears here, only its probabilities.
"""

from bandit.ope.calibration import calibrated
from bandit.ope.cross_fitting import Ridge, cross_fit, fold_of
from bandit.ope.estimate import Estimate
from bandit.ope.estimators import (
    dm,
    dr,
    dros,
    embedding_weights,
    ips,
    mips,
    replay,
    sg_dr,
    sg_ips,
    sndr,
    snips,
    switch_dr,
)
from bandit.ope.lifts import lift, lift_evidence
from bandit.ope.log import Log
from bandit.ope.moment_sums import LOGGED
from bandit.ope.moments import Moments
from bandit.ope.recipes import Recipe
from bandit.stats.bounds import lower_bound

__all__ = [
    "LOGGED",
    "Estimate",
    "Log",
    "Moments",
    "Recipe",
    "Ridge",
    "calibrated",
    "cross_fit",
    "dm",
    "dr",
    "dros",
    "embedding_weights",
    "fold_of",
    "ips",
    "lift",
    "lift_evidence",
    "lower_bound",
    "mips",
    "replay",
    "sg_dr",
    "sg_ips",
    "sndr",
    "snips",
    "switch_dr",
]
