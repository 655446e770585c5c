"""Limits changed for one run: `--set channels.email.capacity=400000`, never written anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from bandit.config.campaign import Campaign, Channel, GroupCap, Offer
from bandit.core.errors import UsageError
from bandit.core.problems import nearest
from bandit.sources.catalogue import Catalogue

_CHANNEL = ("capacity",)
_OFFER = ("max_contacts", "min_contacts", "budget")
_FORM = (
    "write it as channels.email.capacity=400000, offers.fibre.budget=9000 or limits.max_contacts=1"
)

Model = TypeVar("Model", bound=BaseModel)
Named = TypeVar("Named", Channel, GroupCap, Offer)


class Setting(NamedTuple):
    """``path``: section, name of the channel, offer or group, key."""

    path: tuple[str, str, str]
    value: float


def parse(text: str) -> Setting:
    """Read one `--set`; UsageError says how it is written."""
    key, sign, number = text.partition("=")
    section, _, rest = key.strip().partition(".")
    name, _, last = rest.rpartition(".")
    try:
        value = float(number)
    except ValueError:
        raise UsageError(f"--set {text!r}: {number!r} is no number; {_FORM}") from None
    if not sign or section not in {"channels", "offers", "group_cap", "limits"}:
        raise UsageError(f"--set {text!r} names no limit; {_FORM}")
    return Setting((section, name, last), value)


def apply(
    campaign: Campaign, catalogue: Catalogue, settings: Sequence[Setting]
) -> tuple[Campaign, Catalogue]:
    """The campaign and its catalogue with these limits; UsageError names what does not exist."""
    for setting in settings:
        section, name, key = setting.path
        if section == "limits" and (name, key) == ("", "max_contacts"):
            campaign = _changed(campaign, limits=_set(campaign.limits, key, setting))
        elif section == "group_cap" and key == "capacity":
            caps = _replaced(campaign.group_cap, name, key, setting)
            campaign = _changed(campaign, group_cap=caps)
        elif section == "channels" and key in _CHANNEL:
            channels = _replaced(catalogue.channels, name, key, setting)
            catalogue = catalogue._replace(channels=channels)
        elif section == "offers" and key in _OFFER:
            catalogue = catalogue._replace(offers=_replaced(catalogue.offers, name, key, setting))
        else:
            raise UsageError(f"--set {'.'.join(p for p in setting.path if p)}: no limit; {_FORM}")
    return campaign, catalogue


def resolve(catalogue: Catalogue, limit: str) -> str:
    """The full key of a limit given in short: `email.capacity` is `channels.email.capacity`."""
    if limit.split(".", 1)[0] in {"channels", "offers", "group_cap", "limits"}:
        return limit
    name, _, key = limit.rpartition(".")
    if key in _CHANNEL and name in {c.name for c in catalogue.channels}:
        return f"channels.{limit}"
    if key in _OFFER and name in {o.name for o in catalogue.offers}:
        return f"offers.{limit}"
    known = [f"{c.name}.capacity" for c in catalogue.channels]
    known += [f"{o.name}.{key}" for o in catalogue.offers for key in _OFFER]
    raise UsageError(f"--limit {limit!r} is no limit of this campaign{nearest(limit, known)}")


def current(campaign: Campaign, catalogue: Catalogue, key: str) -> float | None:
    """A limit as it is, by its full key; None where there is none."""
    section, name, last = parse(f"{key}=0").path
    if section == "limits":
        return campaign.limits.max_contacts
    places = {"channels": catalogue.channels, "offers": catalogue.offers}
    models: Sequence[BaseModel] = places.get(section, campaign.group_cap)
    found = [getattr(m, last, None) for m in models if getattr(m, "name", None) == name]
    return found[0] if found else None


def _replaced(
    models: tuple[Named, ...], name: str, key: str, setting: Setting
) -> tuple[Named, ...]:
    names = [model.name for model in models]
    if name not in names:
        raise UsageError(f"--set {'.'.join(setting.path)}: no such name{nearest(name, names)}")
    return tuple(
        _set(model, key, setting) if found == name else model
        for model, found in zip(models, names, strict=True)
    )


def _set(model: Model, key: str, setting: Setting) -> Model:
    value = int(setting.value) if setting.value.is_integer() else setting.value
    try:
        return type(model).model_validate({**model.model_dump(), key: value})
    except ValidationError as e:
        fault = e.errors(include_url=False)[0]["msg"]
        raise UsageError(
            f"--set {'.'.join(p for p in setting.path if p)}={setting.value:g}: {fault}"
        ) from None


def _changed(campaign: Campaign, **fields: object) -> Campaign:
    return campaign.model_copy(update=fields)
