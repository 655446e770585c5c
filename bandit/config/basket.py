"""[basket]: purchases, from which it is told what like baskets hold and a customer's lacks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bandit.config.section import Strict
from bandit.config.variables import Variable, Word

BOUGHT = "[basket] product"
"""What the product of a purchase is called among the variables of its source."""


def named(value: float | bool | str) -> str:
    """A product as purchases have it: 4711 in TOML is a number, and 4711.0 of it here."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


class Basket(Strict):
    """Purchases are events of ``source``, each of one ``product``, of the last ``days``.

    An offer names its product in the column ``offer_column`` of the catalogue.
    """

    source: Word | None = None
    product: str = "product"
    days: Annotated[float, Field(gt=0, le=36_500, allow_inf_nan=False)] = 365.0
    offer_column: str = "product"

    @property
    def bought(self) -> Variable:
        """The product of a purchase, as a variable sees it."""
        return Variable(source=self.source, function="last", column=self.product, days=self.days)
