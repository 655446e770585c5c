"""What contacts were expected to be worth, by the definitions of docs/money.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Money:
    """Of ``count`` contacts, or shown offers: ``expected_value`` = gross - cost - no_contact.

    ``gross`` is value times expected reward, ``no_contact`` what the same people were expected to
    bring without, ``prices`` what scarce room was charged, which nobody pays. ``per_contact`` is
    None without contacts; ``per_customer`` is over all customers of the wave.
    """

    count: int
    gross: float
    cost: float
    no_contact: float
    expected_value: float
    per_contact: float | None
    per_customer: float
    prices: float
