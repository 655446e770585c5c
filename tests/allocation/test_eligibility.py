"""Eligibility and contact pressure against their slow twins."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from bandit.allocation import contact_policy, eligibility, slots
from bandit.allocation.contact_policy import ContactPolicy, Contacts, Refusals
from bandit.allocation.eligibility import Actions, Blocked
from reference import eligibility as twin


@pytest.mark.parametrize("seed", range(10))
def test_mask_is_the_conjunction_of_the_rules(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, k, o, c = 40, 25, 6, 3
    actions = Actions(
        offer=np.r_[-1, rng.integers(-1, o, k - 1)].astype(np.int32),
        channel=np.r_[-1, rng.integers(-1, c, k - 1)].astype(np.int32),
        outbound=np.r_[False, rng.random(k - 1) < 0.7],
        running=np.r_[True, rng.random(k - 1) < 0.8],
    )
    rules, consent = rng.random((n, o)) < 0.6, rng.random((n, c)) < 0.7
    blocked = Blocked(rng.random((n, c)) < 0.2, rng.random((n, o)) < 0.2)
    found = eligibility.eligible(actions, rules, consent, blocked)
    expected = twin.mask(actions, rules, consent, *blocked)
    np.testing.assert_array_equal(found.mask, expected)
    nothing = Blocked(np.zeros_like(blocked.channels), np.zeros_like(blocked.offers))
    ruled = twin.mask(actions, rules, np.ones_like(consent), *nothing)
    agreed = twin.mask(actions, rules, consent, *nothing)
    out = actions.outbound
    known = out & actions.running & (actions.offer >= 0) & (actions.channel >= 0)
    after = [np.array(mask)[:, out].sum(axis=1) for mask in (ruled, agreed, expected)]
    counts = [np.full(n, out.sum()), np.full(n, known.sum()), *after]
    np.testing.assert_array_equal(found.left, np.stack(counts, axis=1))


@pytest.mark.parametrize("seed", range(20))
def test_pressure_equals_its_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, offers, channels = 30, 5, 3

    def limit(high: float) -> float:
        return float(rng.choice([contact_policy.UNSET, rng.uniform(1, high)]))

    policy = ContactPolicy(
        slots=3,
        max_contacts=int(rng.integers(-1, 4)),
        per_days=limit(40),
        channel_max=rng.integers(-1, 3, channels),
        channel_days=np.array([limit(30) for _ in range(channels)]),
        quiet_days=limit(5),
        same_offer_days=limit(60),
        refusal_days=limit(90),
        family=rng.integers(0, 3, offers).astype(np.int32),
        product=rng.integers(0, 4, offers).astype(np.int32),
        deep=rng.random(offers) < 0.4,
        deep_days=limit(40),
    )
    contacts = [
        [
            (int(rng.integers(-1, offers)), int(rng.integers(-1, channels)), float(a))
            for a in rng.uniform(0, 60, rng.integers(0, 5)).astype(np.float32)
        ]
        for _ in range(n)
    ]
    refusals = [
        [
            (int(rng.integers(-1, offers)), float(a))
            for a in rng.uniform(0, 120, rng.integers(0, 2)).astype(np.float32)
        ]
        for _ in range(n)
    ]
    found = contact_policy.apply(policy, _contacts(contacts), _refusals(refusals))
    for i in range(n):
        allowance, blocked_channels, blocked_offers = twin.pressure(
            policy, contacts[i], refusals[i]
        )
        assert found.allowance[i] == allowance
        assert set(np.flatnonzero(found.blocked.channels[i])) == blocked_channels
        assert set(np.flatnonzero(found.blocked.offers[i])) == blocked_offers


def test_an_offer_runs_on_its_first_and_last_day() -> None:
    day = dt.date(2026, 11, 23)
    one = dt.timedelta(days=1)
    found = eligibility.running([day, day + one, None, None], [None, None, day, day - one], day)
    assert found.tolist() == [True, False, True, False]


def test_a_taken_action_closes_offer_family_and_channel() -> None:
    allowed = np.ones((2, 5), dtype=np.bool_)
    everything = np.ones(5, dtype=np.bool_)
    after = slots.exclude(
        slots.Placement("outbound", True, 2, everything, 0),
        allowed,
        np.array([1, 0], dtype=np.int32),
        offer=np.array([-1, 0, 1, 2, 2], dtype=np.int32),
        family=np.array([-1, 0, 0, 1, 1], dtype=np.int32),
        channel=np.array([-1, 0, 1, 0, 1], dtype=np.int32),
    )
    assert after.tolist() == [[True, False, False, False, True], [True, *[False] * 4]]


def _contacts(rows: list[list[tuple[int, int, float]]]) -> Contacts:
    flat = [one for row in rows for one in row]
    return Contacts(
        offsets=np.cumsum([0, *map(len, rows)]).astype(np.int64),
        offer=np.array([f[0] for f in flat], dtype=np.int16),
        channel=np.array([f[1] for f in flat], dtype=np.int16),
        age_days=np.array([f[2] for f in flat], dtype=np.float32),
    )


def _refusals(rows: list[list[tuple[int, float]]]) -> Refusals:
    flat = [one for row in rows for one in row]
    return Refusals(
        offsets=np.cumsum([0, *map(len, rows)]).astype(np.int64),
        offer=np.array([f[0] for f in flat], dtype=np.int16),
        age_days=np.array([f[1] for f in flat], dtype=np.float32),
    )
