"""Limits and costs changed for one run: `--set email.capacity=400000`, never written anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from bandit.config.campaign import Campaign
from bandit.config.deciding import GroupCap
from bandit.config.offered import Channel, Offer
from bandit.core.errors import UsageError
from bandit.core.problems import nearest
from bandit.sources.catalogue import Catalogue

SET = "--set"
_SECTIONS = ("limits", "channels", "offers", "group_cap")
_CHANNEL = ("capacity",)
_OFFER = ("max_contacts", "min_contacts", "budget")
_COST = ("cost",)
"""What `--set` changes beside limits; no size of a limit, so nothing for `what-if`."""
_FORM = "write it as email.capacity=400000, fibre.budget=9000 or limits.max_contacts=1"

Model = TypeVar("Model", bound=BaseModel)
Named = TypeVar("Named", Channel, GroupCap, Offer)


class Setting(NamedTuple):
    """``key``: the limit, or the cost, in full or in short."""

    key: str
    value: float


def parse(text: str) -> Setting:
    """Read one `--set`; UsageError says how it is written."""
    key, sign, number = text.partition("=")
    if not sign or not key.strip():
        raise UsageError(f"--set {text!r} names no limit and its size; {_FORM}")
    try:
        value = float(number)
    except ValueError:
        raise UsageError(f"--set {text!r}: {number!r} is no number; {_FORM}") from None
    return Setting(key.strip(), value)


def apply(
    campaign: Campaign, catalogue: Catalogue, settings: Sequence[Setting]
) -> tuple[Campaign, Catalogue]:
    """The campaign and its catalogue with these limits; UsageError names what does not exist."""
    for asked in settings:
        setting = asked._replace(key=resolve(campaign, catalogue, SET, asked.key))
        section, name, key = _parts(setting.key)
        if section == "limits":
            campaign = _changed(campaign, limits=_set(campaign.limits, key, setting))
        elif section == "group_cap":
            caps = _replaced(campaign.group_cap, name, key, setting)
            campaign = _changed(campaign, group_cap=caps)
        elif section == "channels":
            channels = _replaced(catalogue.channels, name, key, setting)
            catalogue = catalogue._replace(channels=channels)
        else:
            catalogue = catalogue._replace(offers=_replaced(catalogue.offers, name, key, setting))
    return campaign, catalogue


def resolve(campaign: Campaign, catalogue: Catalogue, option: str, limit: str) -> str:
    """The full key of a limit (for `--set` a cost too): `email.capacity` is a channel's."""
    more = _COST if option == SET else ()
    known = [
        "limits.max_contacts",
        *(f"channels.{c.name}.{key}" for c in catalogue.channels for key in (*_CHANNEL, *more)),
        *(f"offers.{o.name}.{key}" for o in catalogue.offers for key in (*_OFFER, *more)),
        *(f"group_cap.{g.name}.capacity" for g in campaign.group_cap),
    ]
    if limit in known:
        return limit
    meant = [full for full in known if full.partition(".")[2] == limit]
    if len(meant) > 1:
        raise UsageError(f"{option} {limit!r} may be {' or '.join(meant)}; write it in full")
    if meant:
        return meant[0]
    names = known if limit.partition(".")[0] in _SECTIONS else [_short(full) for full in known]
    what = "limit or cost" if more else "limit"
    raise UsageError(f"{option} {limit!r} is no {what} of this campaign{nearest(limit, names)}")


def _short(full: str) -> str:
    return full if full.startswith("limits.") else full.partition(".")[2]


def _parts(full: str) -> tuple[str, str, str]:
    """Section, name of the channel, offer or group, key."""
    section, _, rest = full.partition(".")
    name, _, key = rest.rpartition(".")
    return section, name, key


def current(campaign: Campaign, catalogue: Catalogue, key: str) -> float | None:
    """A limit as it is, by its full key; None where there is none."""
    section, name, last = _parts(key)
    if section == "limits":
        return campaign.limits.max_contacts
    places = {"channels": catalogue.channels, "offers": catalogue.offers}
    models: Sequence[BaseModel] = places.get(section, campaign.group_cap)
    found = [getattr(m, last, None) for m in models if getattr(m, "name", None) == name]
    return found[0] if found else None


def _replaced(
    models: tuple[Named, ...], name: str, key: str, setting: Setting
) -> tuple[Named, ...]:
    return tuple(_set(model, key, setting) if model.name == name else model for model in models)


def _set(model: Model, key: str, setting: Setting) -> Model:
    value = int(setting.value) if float(setting.value).is_integer() else setting.value
    try:
        return type(model).model_validate({**model.model_dump(), key: value})
    except ValidationError as e:
        fault = e.errors(include_url=False)[0]["msg"]
        raise UsageError(f"{setting.key} = {setting.value:g}: {fault}") from None


def _changed(campaign: Campaign, **fields: object) -> Campaign:
    return campaign.model_copy(update=fields)
