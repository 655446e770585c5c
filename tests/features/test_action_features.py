"""Features of actions: levels by name in whatever order, and the form of the record."""

from __future__ import annotations

import numpy as np
import pytest

from bandit.config.offered import Channel, Offer
from bandit.core.actions import ActionSpace
from bandit.core.errors import DataError
from bandit.features.action_features import ActionFeatures, action_features
from bandit.sources.catalogue import Catalogue

SPACE = ActionSpace.of_pairs([("a", "email"), ("a", "sms"), ("b", "email"), ("gone", "sms")])
OFFERS = (
    Offer(name="a", family="net", features={"price": 10.0, "brand": "x"}),
    Offer(name="b", family="net", features={"price": 20.0}),
    Offer(name="c", family="tv", features={"price": 90.0, "brand": "y"}),
)
CHANNELS = (Channel(name="email"), Channel(name="sms"))


def _table(found: ActionFeatures) -> dict[tuple[str, str], list[float]]:
    return dict(zip(found.columns, found.table.T.tolist(), strict=True))


def test_levels_of_offers_channels_families_and_declared_columns() -> None:
    found = action_features(SPACE, Catalogue(OFFERS, CHANNELS), ["price", "brand"], 10)
    assert found.names == ("common", "family", "offer", "channel", "price", "brand")
    table = _table(found)
    assert table["common", "constant"] == [1, 1, 1, 1, 1]
    assert table["common", "contact"] == [0, 1, 1, 1, 1]
    assert table["family", "net"] == [0, 1, 1, 1, 0]
    assert ("family", "tv") not in table
    assert table["offer", "gone"] == [0, 0, 0, 0, 1]
    assert table["channel", "sms"] == [0, 0, 1, 0, 1]
    assert table["brand", "x"] == [0, 1, 1, 0, 0]
    # Standardised over the pairs that have a price; who has none has the mean.
    np.testing.assert_allclose(table["price", "value"], [0, -(0.5**0.5), -(0.5**0.5), 2**0.5, 0])
    turned = action_features(SPACE, Catalogue(OFFERS[::-1], CHANNELS[::-1]), ["price", "brand"], 10)
    assert turned.columns == found.columns
    np.testing.assert_array_equal(turned.table, found.table)


def test_the_offer_of_a_depth_is_a_name_also_where_it_is_a_number() -> None:
    offers = tuple(
        o.model_copy(update={"features": {"depths_of": 17 + i}}) for i, o in enumerate(OFFERS)
    )
    found = _table(action_features(SPACE, Catalogue(offers, CHANNELS), ["depths_of"], 10))
    assert found["depths_of", "17"] == [0, 1, 1, 0, 0]
    assert found["depths_of", "18"] == [0, 0, 0, 1, 0]


def test_levels_that_are_too_large_are_left_out() -> None:
    space = ActionSpace.of_pairs((f"o{i}", "email") for i in range(300))
    offers = tuple(Offer(name=f"o{i}", family=f"f{i % 100}") for i in range(300))
    assortment = Catalogue(offers, CHANNELS)
    assert action_features(space, assortment, [], 8).names == (
        "common",
        "family",
        "offer",
        "channel",
    )
    assert action_features(space, assortment, [], 64).names == ("common", "offer", "channel")
    assert action_features(space, assortment, [], 600).names == ("common", "channel")


def test_the_record_gives_back_the_same() -> None:
    found = action_features(SPACE, Catalogue(OFFERS, CHANNELS), ["price"], 10)
    again = ActionFeatures.from_json(found.to_json())
    assert again.columns == found.columns
    np.testing.assert_array_equal(again.table, found.table)
    with pytest.raises(DataError, match="action features are damaged"):
        ActionFeatures.from_json({"columns": [["a", "b"]], "rows": [[[7, 1.0]]]})
