"""Generated operators whose true response is known: for the demo, tests and simulations."""

from bandit.worlds.assortment import Assortment, assortment
from bandit.worlds.baskets import Grocer
from bandit.worlds.depths import Shop
from bandit.worlds.files import Plan, campaign_text, write_database
from bandit.worlds.operator import World
from bandit.worlds.people import People, people

__all__ = [
    "Assortment",
    "Grocer",
    "People",
    "Plan",
    "Shop",
    "World",
    "assortment",
    "campaign_text",
    "people",
    "write_database",
]
