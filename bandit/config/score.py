"""[[score]]: what models elsewhere say of a customer and an offer."""

from __future__ import annotations

from pydantic import model_validator

from bandit.config.section import Name, Strict


class Score(Strict):
    """A column of the customers that says how likely each is to take some offers.

    The larger the likelier; the scale is free, since only the order counts. ``known_at`` is the
    column that says when the score was computed.
    """

    column: str
    offer: Name | None = None
    offers: tuple[Name, ...] = ()
    known_at: str | None = None

    @model_validator(mode="after")
    def _of_something(self) -> Score:
        if (self.offer is None) == (not self.offers):
            raise ValueError(
                f'score {self.column!r}: name the offer that it speaks of, offer = "...", or'
                " several, offers = [...]"
            )
        if len(set(self.of)) < len(self.of):
            raise ValueError(f"score {self.column!r} names an offer twice; once is enough")
        if self.known_at == self.column:
            raise ValueError(
                f"score {self.column!r}: known_at is another column, of when it was computed"
            )
        return self

    @property
    def of(self) -> tuple[str, ...]:
        """The offers that it speaks of."""
        return (self.offer,) if self.offer is not None else self.offers
