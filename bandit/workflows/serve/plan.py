"""What a wave is decided with: actions, costs, limits and policy, fixed before the first row."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from bandit.allocation.contact_policy import UNSET, ContactPolicy
from bandit.allocation.eligibility import Actions, running
from bandit.allocation.slots import Placement
from bandit.config.campaign import Campaign
from bandit.config.deciding import PolicyShare, Shadow
from bandit.config.discount import PRODUCT
from bandit.config.offered import Channel, Offer, is_deep
from bandit.config.section import INBOUND, OUTBOUND
from bandit.core.actions import ActionSpace
from bandit.core.days import day_of
from bandit.core.errors import UsageError
from bandit.core.folding import fold
from bandit.core.types import Array, Bool, Float64
from bandit.models.moments import Moments
from bandit.policies.arms import Pinned
from bandit.policies.layered import Layered
from bandit.policies.mixture import Mixture
from bandit.policies.policy import Policy
from bandit.policies.registry import POLICIES, Options
from bandit.record.manifests import Served
from bandit.sources.catalogue import Catalogue
from bandit.sources.catalogue import actions as actions_of
from bandit.workflows.serve import experiments
from bandit.workflows.serve.experiments import Bench
from bandit.workflows.serve.pinned import Pin

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}")


class Plan(NamedTuple):
    """Arrays are of length k = len(space) but where it is said.

    ``costs`` float64[k]: of offer and channel; ``prices`` float64[p, k]: of the resources an action
    uses, by population: everybody, or everybody else and the arms ``apart`` that have limits of
    their own (where a past wave's prices moved, each of them in each epoch); ``exclusive``: offer,
    family and channel numbers; ``groups`` by their numbers in choices, ``peaceful`` of them those
    that experiments leave in peace; ``pinned``: the policies of arms that decide by a snapshot of
    their own, by "experiment:arm".
    """

    space: ActionSpace
    actions: Actions
    costs: Float64
    prices: Float64
    contact_policy: ContactPolicy
    placements: list[Placement]
    exclusive: tuple[Array, Array, Array]
    policy: Layered
    groups: tuple[str, ...]
    peaceful: Bool
    apart: tuple[str, ...]
    pinned: Mapping[str, Pinned] = MappingProxyType({})

    def arm_of(self, population: int | None) -> str | None:
        """The arm that a population is; None is everybody, or everybody else."""
        return self.apart[population - 1] if population else None

    @property
    def charges(self) -> Float64:
        """Costs and prices of a contact: float64[k] for everybody, or float64[p, k]."""
        return self.costs + (self.prices if self.apart else self.prices[0])


def make(
    campaign: Campaign,
    catalogue: Catalogue,
    space: ActionSpace,
    at: dt.datetime,
    posterior: Moments,
    wave: str,
    running: Sequence[Served] = (),
    pins: Mapping[str, Pin] = MappingProxyType({}),
) -> Plan:
    """The plan of a wave at time ``at``; ``space`` are the actions of ``posterior``, in order.

    ``pins`` are the snapshots that arms of the ``running`` experiments decide by, by version.
    """
    offers, channels = catalogue.offers, catalogue.channels
    labels = tuple(share.label for share in campaign.policy.shares)
    own = experiments.apart(running)
    offered = actions_of(catalogue)
    actions = _actions(space, offered, offers, channels, day_of(at, campaign.time_zone))
    family = _families(offers)
    by_action = np.concatenate([[-1], actions.offer[1:]])
    exclusive = (
        by_action.astype(np.int32),
        np.where(by_action >= 0, family[by_action], -1).astype(np.int32),
        actions.channel,
    )
    bench = _bench(campaign, space, actions, offers, posterior.noise_scale, wave, pins)
    return Plan(
        space=space,
        actions=actions,
        costs=_costs(space, offers, channels),
        prices=np.zeros((1 + len(own), len(space))),
        contact_policy=_contact_policy(campaign, offers, channels, family),
        placements=_placements(channels, campaign.pressure.slots, actions),
        exclusive=exclusive,
        policy=Layered(bench.base, tuple(experiments.policy_of(s, bench) for s in running)),
        groups=(*labels, *experiments.group_names(running)),
        peaceful=np.array([False] * len(labels) + experiments.peaceful(running)),
        apart=own,
        pinned=experiments.pinned(running, bench),
    )


def number_of(name: str) -> int:
    """64 bits of a name: a wave's or a channel's part of every random key."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def wave_name(name: str | None, at: dt.datetime, zone: str) -> str:
    """The name given, if it can be a folder's; else the day."""
    if name is None:
        return day_of(at, zone).isoformat()
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"wave {name!r}: a name is up to 100 letters, digits, dots, dashes and underscores and"
            " begins with a letter, digit or underscore"
        )
    return name


def _actions(
    space: ActionSpace,
    offered: ActionSpace,
    offers: Sequence[Offer],
    channels: Sequence[Channel],
    day: dt.date,
) -> Actions:
    offer_at = {o.name: i for i, o in enumerate(offers)}
    channel_at = {c.name: i for i, c in enumerate(channels)}
    alive = running([o.starts for o in offers], [o.ends for o in offers], day)
    live = [name in offered for name in space.names[1:]]
    offer = [offer_at[o] if ok else -1 for (o, _), ok in zip(space.pairs, live, strict=True)]
    channel = [channel_at[c] if ok else -1 for (_, c), ok in zip(space.pairs, live, strict=True)]
    return Actions(
        offer=np.array([-1, *offer], dtype=np.int32),
        channel=np.array([-1, *channel], dtype=np.int32),
        outbound=np.array([False, *(c >= 0 and channels[c].kind == OUTBOUND for c in channel)]),
        running=np.array([True, *(o >= 0 and alive[o] for o in offer)]),
    )


def _placements(channels: Sequence[Channel], slots: int, actions: Actions) -> list[Placement]:
    """All outbound channels as one placement, then each inbound channel; empty ones left out."""
    first = np.arange(actions.offer.shape[0]) == 0
    found = []
    if actions.outbound.any():
        found.append(Placement(OUTBOUND, True, slots, first | actions.outbound, 0))
    for position, channel in enumerate(channels):
        here = actions.channel == position
        if channel.kind == INBOUND and here.any():
            draw = (number_of(channel.name) >> 24) << 8
            silent = channel.fill == "only_worth"
            found.append(Placement(channel.name, False, channel.ranks, first | here, draw, silent))
    return found


def _families(offers: Sequence[Offer]) -> Array:
    """A number a family; an offer without one is a family of its own."""
    return _numbered(fold(offer.family) if offer.family else f"\0{offer.name}" for offer in offers)


def _numbered(names: Iterable[object]) -> Array:
    """A number a name, in the order in which they come."""
    number: dict[object, int] = {}
    return np.array([number.setdefault(name, len(number)) for name in names], dtype=np.int32)


def _costs(space: ActionSpace, offers: Sequence[Offer], channels: Sequence[Channel]) -> Float64:
    offer_cost = {o.name: o.cost for o in offers}
    channel_cost = {c.name: c.cost for c in channels}
    return np.array([
        0.0, *(offer_cost.get(o, 0.0) + channel_cost.get(c, 0.0) for o, c in space.pairs)
    ])  # fmt: skip


def _contact_policy(
    campaign: Campaign, offers: Sequence[Offer], channels: Sequence[Channel], family: Array
) -> ContactPolicy:
    def days(value: float | None) -> float:
        return UNSET if value is None else value

    pressure, deep = campaign.pressure, campaign.pressure.deep
    return ContactPolicy(
        slots=pressure.slots,
        max_contacts=-1 if pressure.max_contacts is None else pressure.max_contacts,
        per_days=days(pressure.per_days),
        channel_max=np.array([c.max_contacts or -1 for c in channels], dtype=np.int64),
        channel_days=np.array([days(c.per_days) for c in channels], dtype=np.float64),
        quiet_days=days(pressure.quiet_days),
        same_offer_days=days(pressure.same_offer_days),
        refusal_days=days(pressure.refusal_days),
        family=family,
        product=_numbered(o.features.get(PRODUCT, f"\0{o.name}") for o in offers),
        deep=np.array([deep is not None and is_deep(o, deep.depth) for o in offers], np.bool_),
        deep_days=UNSET if deep is None else deep.days,
    )


def alone(asked: Shadow, actions: Actions, offers: Sequence[Offer], noise: float) -> Policy:
    """A policy by itself, without holdout, shares and exploration; ``noise`` as in `make`."""
    options = Options(asked.alpha, asked.epsilon, noise, _order(actions, offers))
    return POLICIES[asked.policy](options)


def _order(actions: Actions, offers: Sequence[Offer]) -> tuple[int, ...]:
    """Actions by the priority of their offers, no contact last."""
    order = sorted(
        range(1, actions.offer.shape[0]),
        key=lambda a: (offers[int(actions.offer[a])].priority if actions.offer[a] >= 0 else 0, a),
    )
    return (*order, 0)


def _bench(
    campaign: Campaign,
    space: ActionSpace,
    actions: Actions,
    offers: Sequence[Offer],
    noise: float,
    wave: str,
    pins: Mapping[str, Pin],
) -> Bench:
    """The campaign's policy, and what arms are made of; ``noise`` is what `alpha` counts in.

    So Thompson sampling draws with the posterior's own spread at alpha = 1, be the reward a
    conversion or euros. The holdout hangs on the campaign's seed alone and the shares on the wave
    too, unless `regroup` says that both are drawn anew, or never.
    """
    order, shares = _order(actions, offers), campaign.policy.shares
    regroup, anew = campaign.policy.regroup, campaign.seed ^ number_of(wave)

    def policy(share: PolicyShare, noise: float) -> Policy:
        return POLICIES[share.policy](Options(share.alpha, share.epsilon, noise, order))

    base = Mixture(
        [(share.share, policy(share, noise)) for share in shares],
        holdout=campaign.policy.holdout,
        exploration=campaign.policy.exploration,
        group_seed=anew if regroup == "every_wave" else campaign.seed,
        share_seed=campaign.seed if regroup == "never" else anew,
    )
    rules = POLICIES["rules"](Options(1.0, 0.0, noise, order))
    learns = [share.share if share.policy != "rules" else -1.0 for share in shares]
    largest = int(np.argmax(learns))
    if learns[largest] < 0.0:
        return Bench(base, rules, None, space)
    pinned = {
        version: Pinned(policy(shares[largest], one.posterior.noise_scale), one.posterior, number)
        for number, (version, one) in enumerate(pins.items(), start=1)
    }
    return Bench(base, rules, base.components[largest][1], space, pinned)
