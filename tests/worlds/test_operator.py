import datetime as dt

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from bandit.config import campaign_file
from bandit.core import schema
from bandit.core.errors import DataError
from bandit.worlds.files import Plan
from bandit.worlds.operator import World

N = 20_000
IDS = np.arange(1, N + 1)


@pytest.fixture(scope="module")
def world() -> World:
    return World(N, seed=3)


def decide(world: World, action: np.ndarray, ids: np.ndarray = IDS) -> pa.Table:
    names = world.actions
    taken = [names[a] for a in action.tolist()]
    return pa.table(
        {
            "decision_id": [f"w.{i}" for i in range(len(ids))],
            "customer_id": ids,
            "slot": np.ones(len(ids), dtype=np.int16),
            "offer": pa.array([t and t[0] for t in taken], pa.string()),
            "channel": pa.array([t and t[1] for t in taken], pa.string()).dictionary_encode(),
        }
    )


def rewards(world: World, decisions: pa.Table, events: pa.Table) -> np.ndarray:
    """Reward a customer inside the window; one decision a customer, row i for customer i + 1."""
    end = pa.scalar(world.origin + dt.timedelta(days=world.window_days))
    inside = events.filter(pa.compute.less_equal(events["occurred_at"], end)).to_pydict()
    total = np.zeros(len(decisions))
    for decision, customer, reward in zip(
        inside["decision_id"], inside["customer_id"], inside["reward"], strict=True
    ):
        total[int(decision[2:]) if decision else customer - 1] += reward
    return total


def test_a_smaller_world_is_the_beginning_of_a_larger_one(world):
    few, many = world.people(IDS[:100]), world.people(IDS)
    np.testing.assert_array_equal(few.traits, many.traits[:100])
    for name, column in few.columns.items():
        assert column.equals(many.columns[name][:100])


def test_expected_rewards_are_what_responses_average_to(world):
    rng = np.random.default_rng(0)
    action = rng.integers(0, len(world.actions), N)
    decisions = decide(world, action)
    seen = rewards(world, decisions, world.respond(decisions, world.origin))
    truth = world.expected_rewards(IDS, world.origin)[np.arange(N), action]
    excess = seen - truth
    for rows in (action == 0, action > 0, truth > np.quantile(truth, 0.9)):
        error = excess[rows].std() / np.sqrt(rows.sum())
        assert abs(excess[rows].mean()) < 3.5 * error


def test_sampled_rewards_are_those_of_the_events(world):
    action = np.random.default_rng(2).integers(0, len(world.actions), N)
    recent = IDS % 3
    decisions = decide(world, action)
    events = world.respond(decisions, world.origin, recent=recent)
    sampled = world.sample(IDS, action, world.origin, recent=recent)
    # Events are rounded to cents.
    np.testing.assert_allclose(sampled, rewards(world, decisions, events), atol=0.011)


def test_eligibility_is_what_the_tables_say(tmp_path):
    small = World(400, seed=3)
    small.write(tmp_path)
    eligible = small.eligible(IDS[:400], small.origin)
    assert eligible[:, 0].all()
    with duckdb.connect(str(tmp_path / "customers.duckdb"), read_only=True) as con:
        for o, rule in enumerate(small.assortment.eligible):
            admitted = con.execute(
                f"SELECT coalesce({rule or 'true'}, false) FROM customers ORDER BY customer_id"
            ).fetchnumpy()
            agreed = con.execute(
                "SELECT customer_id FROM consents WHERE channel = 'sms'"
            ).fetchnumpy()["customer_id"]
            expected = next(iter(admitted.values())) & np.isin(IDS[:400], agreed)
            np.testing.assert_array_equal(eligible[:, 1 + 5 * o + 1], expected)


def test_same_treatment_same_response_whatever_else_is_decided(world):
    kept = IDS <= N // 2
    one = np.where(kept, 7, 0)
    other = np.where(kept, 7, 31)
    first = world.respond(decide(world, one), world.origin)
    second = world.respond(decide(world, other), world.origin)

    def of_kept(events: pa.Table) -> set:
        rows = events.select(["event_id", "reward", "occurred_at"]).to_pylist()
        return {tuple(r.values()) for r in rows if int(r["event_id"].split("-")[2]) <= N // 2}

    assert of_kept(first) == of_kept(second)
    assert len(of_kept(first)) > 100


def test_people_left_in_peace_buy_by_themselves(world):
    events = world.respond(decide(world, np.zeros(N, dtype=int)), world.origin)
    assert events.schema == schema.outcomes(pa.int64())
    assert set(events["event"].to_pylist()) == {"organic"}
    assert events["decision_id"].null_count == len(events)
    assert len(set(events["event_id"].to_pylist())) == len(events)


def test_contacts_sell_late_annoy_and_lose_consent(world):
    call = 1 + world.assortment.channels.index("call")
    events = world.respond(decide(world, np.full(N, call)), world.origin)
    assert set(events["event"].to_pylist()) == {"organic", "sale", "refusal", "unsubscribe"}
    sales = events.filter(pa.compute.equal(events["event"], "sale"))
    delay = np.array(
        [(t - world.origin).total_seconds() / 86_400 for t in sales["occurred_at"].to_pylist()]
    )
    assert abs(delay.mean() - world.delay_days) < 4 * world.delay_days / np.sqrt(len(delay))


def test_recent_contacts_annoy(world):
    rested = world.expected_rewards(IDS[:500], world.origin)
    pestered = world.expected_rewards(IDS[:500], world.origin, recent=np.full(500, 4))
    np.testing.assert_array_equal(rested[:, 0], pestered[:, 0])
    assert (pestered <= rested).all()
    assert (pestered[:, 1:] < rested[:, 1:]).mean() > 0.9


def test_personalising_pays_clearly(world):
    everything = np.ones((N, len(world.actions)), dtype=bool)
    net = world.expected_rewards(IDS, world.origin) - world.costs
    best = world.best_value(IDS, everything, world.origin).mean()
    rules = world.rules_value(IDS, everything, world.origin).mean()
    assert best > 1.5 * net.mean(axis=0).max()
    assert best > 2 * rules > 0
    assert rules > net[:, 0].mean()


def test_rules_take_the_first_by_priority_and_nobody_passes_the_best(world):
    rng = np.random.default_rng(1)
    eligible = rng.random((300, len(world.actions))) < 0.05
    eligible[:, 0] = True
    net = world.expected_rewards(IDS[:300], world.origin) - world.costs
    rules = world.rules_value(IDS[:300], eligible, world.origin)
    best = world.best_value(IDS[:300], eligible, world.origin)
    for row in range(300):
        options = [a for a in np.flatnonzero(eligible[row]) if a > 0]
        first = min(
            options,
            key=lambda a: (world.assortment.priority[(a - 1) // 5], (a - 1) % 5),
            default=0,
        )
        assert rules[row] == net[row, first]
        assert best[row] == max(net[row, a] for a in [0, *options])


def test_drift_turns_tastes_and_new_offers_start_later():
    world = World(500, seed=3, drift=1.0, new_offers=2, new_offers_day=28)
    spring = world.expected_rewards(IDS[:500], world.origin)
    summer = world.expected_rewards(IDS[:500], world.origin + dt.timedelta(days=91))
    same = np.corrcoef(spring[:, 1:].ravel(), summer[:, 1:].ravel())[0, 1]
    assert 0.2 < same < 0.95
    assert world.assortment.starts[-3:] == (None, dt.date(2026, 2, 2), dt.date(2026, 2, 2))


@pytest.mark.parametrize(("offers", "embedding"), [(20, 0), (200, 0), (20, 8)])
def test_what_is_written_is_a_valid_campaign(tmp_path, offers, embedding):
    world = World(300, offers=offers)
    world.write(tmp_path / "a", embedding=embedding)
    campaign = campaign_file.load(tmp_path / "a")
    with duckdb.connect(str(tmp_path / "a" / "customers.duckdb"), read_only=True) as con:
        columns = {row[0] for row in con.execute("DESCRIBE customers").fetchall()}
        consents = con.execute("SELECT count(*) FROM consents WHERE granted").fetchone()[0]
        listed = [r[0] for r in con.execute("SHOW TABLES").fetchall()]
    features = campaign.features
    named = {*features.numeric, *features.boolean, *features.categorical, *features.date}
    assert {*named, *features.vector, "customer_id"} <= columns
    assert 300 < consents < 1500
    assert ("offers" in listed) == (offers > 50)
    assert len(campaign.offer) == (0 if offers > 50 else offers)


def test_an_offer_of_another_world_is_named(world):
    foreign = decide(world, np.zeros(3, dtype=int), IDS[:3]).set_column(
        3, "offer", pa.array(["moon", None, None], pa.string())
    )
    with pytest.raises(DataError, match="offer 'moon' is none of this world's"):
        world.respond(foreign, world.origin)


def test_a_campaign_may_learn_each_kind_of_event_by_itself(tmp_path):
    """What an event is worth there is what it earned in the world, to the cent."""
    world = World(200, offers=4, channels=2, seed=3)
    world.write(tmp_path, plan=Plan(apart=True))
    campaign = campaign_file.load(tmp_path)
    assert campaign.model.link == "logit"
    assert set(campaign.reward.kinds) == {"sale", "refusal", "unsubscribe", "organic"}
    values = [offer.value for offer in campaign.offer]
    np.testing.assert_array_equal(values, world.assortment.margin_eur)
