"""Experiments: who is in which arm, how many it takes, what the treatment did, when to look.

Pure functions of arrays and small values, and sums that merge; no campaign is known here.
"""

from bandit.experiments.arm_sums import Arms
from bandit.experiments.assignment import BUCKETS, arms, buckets
from bandit.experiments.comparison import Comparison, compare, conclude, contacted_effect
from bandit.experiments.layers import Claim, Layer
from bandit.experiments.looks import boundaries, inflation, open_ended, sequence
from bandit.experiments.sample_ratios import ALARM, sample_ratio
from bandit.experiments.several import Shrunk, benjamini_hochberg, holm, shrunken
from bandit.experiments.size import Plan, Tails, sample_size
from bandit.stats.ratios import Ratio

__all__ = [
    "ALARM",
    "BUCKETS",
    "Arms",
    "Claim",
    "Comparison",
    "Layer",
    "Plan",
    "Ratio",
    "Shrunk",
    "Tails",
    "arms",
    "benjamini_hochberg",
    "boundaries",
    "buckets",
    "compare",
    "conclude",
    "contacted_effect",
    "holm",
    "inflation",
    "open_ended",
    "sample_ratio",
    "sample_size",
    "sequence",
    "shrunken",
]
