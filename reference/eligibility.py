"""Slow twins of eligibility, contact pressure and slots, written from the rules."""

from __future__ import annotations

from typing import Any


def mask(actions: Any, rules: Any, consent: Any, blocked_channels: Any, blocked_offers: Any) -> Any:
    out = []
    for i in range(len(rules)):
        row = [True]
        for a in range(1, len(actions.offer)):
            o, c = actions.offer[a], actions.channel[a]
            ok = bool(actions.running[a]) and o >= 0 and c >= 0
            ok = ok and bool(rules[i][o]) and bool(consent[i][c])
            if actions.outbound[a] and ok:
                ok = not blocked_channels[i][c] and not blocked_offers[i][o]
            row.append(ok)
        out.append(row)
    return out


def pressure(
    policy: Any, contacts: list[Any], refusals: list[Any]
) -> tuple[int, set[int], set[int]]:
    """One customer: contacts (offer, channel, age), refusals (offer, age)."""
    allowance = policy.slots
    if policy.max_contacts >= 0:
        recent = sum(age < policy.per_days for _, _, age in contacts)
        allowance = max(0, min(allowance, policy.max_contacts - recent))
    if any(age < policy.quiet_days for _, _, age in contacts):
        allowance = 0
    channels = {
        c
        for c, most in enumerate(policy.channel_max)
        if most >= 0
        and sum(ch == c and age < policy.channel_days[c] for _, ch, age in contacts) >= most
    }
    if allowance == 0:
        channels = set(range(len(policy.channel_max)))
    offers = {o for o, _, age in contacts if o >= 0 and age < policy.same_offer_days}
    every = range(len(policy.family))
    for o, age in refusals:
        if age < policy.refusal_days:
            offers |= {x for x in every if o < 0 or policy.family[x] == policy.family[o]}
    if any(o >= 0 and policy.deep[o] and age < policy.deep_days for o, _, age in contacts):
        offers |= {x for x in every if policy.deep[x]}
    offers = {x for x in every if any(policy.product[x] == policy.product[o] for o in offers)}
    return allowance, channels, offers
