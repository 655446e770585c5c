"""[offer.discount]: one offer in several depths, each an offer to whoever decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from bandit.config.reward import Days
from bandit.config.section import Cost, Strict

DEPTH, PRODUCT = "depth", "depths_of"
"""Features of the offers that are made of one, and columns that [model] learns by."""
Depth = Annotated[float, Field(ge=0, lt=1)]


class Discount(Strict):
    """A price that is taken off, in money a sale; an offer's value is the margin at its depth.

    ``value(depth) = price (1 − depth) − unit_cost − redemption_cost``, the last where there is
    something to redeem.
    """

    price: Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]
    unit_cost: Cost = 0.0
    redemption_cost: Cost = 0.0
    depths: tuple[Depth, ...]

    @model_validator(mode="after")
    def _margins(self) -> Discount:
        if len(self.depths) < 2 or list(self.depths) != sorted(set(self.depths)):
            raise ValueError("depths are two or more, each deeper than the one before: [0.0, 0.2]")
        if len({named("", depth) for depth in self.depths}) < len(self.depths):
            raise ValueError("depths differ by a tenth of a percent at least")
        for depth in self.depths:
            if (margin := self.value(depth)) < 0.0:
                raise ValueError(
                    f"at depth {depth:g} a sale brings {margin:,.2f}: leave out what is sold below"
                    " its cost"
                )
        return self

    def value(self, depth: float) -> float:
        """What a sale brings at a depth, to a ten-thousandth."""
        redeemed = self.redemption_cost if depth > 0.0 else 0.0
        return round(self.price * (1.0 - depth) - self.unit_cost - redeemed, 4)


def named(offer: str, depth: float) -> str:
    """The offer of a depth: tv_plus-20 is tv_plus with 20 % off."""
    return f"{offer}-{100.0 * depth:.4g}"


def expanded(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The configuration with an offer for each depth, and names of the whole in all of its depths.

    ValueError names the offer whose discount cannot be.
    """
    offers = raw.get("offer", ())
    if not any(isinstance(offer, Mapping) and "discount" in offer for offer in offers):
        return raw
    made: list[Any] = []
    depths: dict[Any, tuple[str, ...]] = {}
    for offer in offers:
        if not (isinstance(offer, Mapping) and "discount" in offer):
            made.append(_with(offer, {DEPTH: 0.0}) if isinstance(offer, Mapping) else offer)
            continue
        whole = _of_depths(offer)
        depths[offer.get("name")] = tuple(one["name"] for one in whole)
        made += whole
    model = dict(raw.get("model", {}))
    columns = model.get("columns", ())
    model["columns"] = (*columns, *(c for c in (PRODUCT, DEPTH) if c not in columns))
    content = {**raw, "offer": tuple(made), "model": model}
    for section in ("score", "group_cap", "trigger"):
        if section in raw:
            content[section] = tuple(_in_all(one, depths) for one in raw[section])
    return content


_PLAINLY = {
    "tuple_type": "input should be a list, [0.0, 0.1]",
    "model_type": "write it as a section, [offer.discount] with price and depths",
}


def _of_depths(offer: Mapping[str, Any]) -> list[dict[str, Any]]:
    name = offer.get("name")
    if name is None:
        raise ValueError("an offer with [offer.discount] has no name; add it, in quotes")
    if "value" in offer:
        raise ValueError(
            f"offer {name!r} has a value and a discount, whose price and unit_cost say it; keep one"
        )
    try:
        discount = Discount.model_validate(offer["discount"])
    except ValidationError as e:
        fault = e.errors(include_url=False)[0]
        fault["msg"] = _PLAINLY.get(fault["type"], fault["msg"])
        where = ".".join(map(str, ("discount", *fault["loc"])))
        told = fault["ctx"]["error"] if fault["type"] == "value_error" else fault["msg"].lower()
        raise ValueError(f"offer {name!r}, {where}: {told}") from None
    plain = {key: value for key, value in offer.items() if key != "discount"}
    plain.setdefault("family", name)
    return [
        {
            **_with(plain, {PRODUCT: name, DEPTH: depth}),
            "name": named(str(name), depth),
            "value": discount.value(depth),
        }
        for depth in discount.depths
    ]


def _with(offer: Mapping[str, Any], features: Mapping[str, Any]) -> dict[str, Any]:
    given = offer.get("features", {})
    return {**offer, "features": {**features, **given} if isinstance(given, Mapping) else given}


def _in_all(one: Any, depths: Mapping[Any, Sequence[str]]) -> Any:
    """A section in which ``offer`` or ``offers`` name depths in place of the whole."""
    if not isinstance(one, Mapping):
        return one
    if one.get("offer") in depths:
        left = {key: value for key, value in one.items() if key != "offer"}
        return {**left, "offers": tuple(depths[one["offer"]])}
    if isinstance(one.get("offers"), tuple | list):
        names = [n for name in one["offers"] for n in depths.get(name, (name,))]
        return {**one, "offers": tuple(names)}
    return one


class Deep(Strict):
    """[pressure] deep: no discount of ``depth`` or more within ``days`` after another."""

    depth: Annotated[float, Field(gt=0, lt=1)]
    days: Days
