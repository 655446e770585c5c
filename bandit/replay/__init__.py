"""Policies that learn, replayed wave by wave through a logged campaign or a generated world."""

from bandit.replay.curves import Bands, Curve, bands
from bandit.replay.generated import replay_world
from bandit.replay.learners import Learning, SelfLearning
from bandit.replay.logged import replay_lin_ucb, replay_log
from bandit.replay.protocols import Customers, Learner, LoggedRows, World

__all__ = [
    "Bands",
    "Curve",
    "Customers",
    "Learner",
    "Learning",
    "LoggedRows",
    "SelfLearning",
    "World",
    "bands",
    "replay_lin_ucb",
    "replay_log",
    "replay_world",
]
