"""Sixty mistakes of a new user: each message names the thing, the value and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from bandit.core.errors import BanditError
from bandit.workflows.start.check import check
from tests import campaigns

RULE = "region = 'north' or age > 40"
EMAIL = 'name = "email"\ncost = 0.01'
MUSIC = 'channels = ["email", "home"]'
CUSTOMERS = 'table = "customers"'

MISTAKES = [
    # (what stands in campaign.toml, what the user writes, thing, value, remedy)
    ('name = "test"', 'nmae = "test"', "unknown key", "'nmae'", "did you mean 'name'?"),
    ("seed = 11", "seed = -1", "seed", "-1", "greater than or equal to 0"),
    ("seed = 11", 'seed = "x"', "seed", "'x'", "a valid integer"),
    ("seed = 11", 'seed = 1\ntime_zone = "Berlin"', "time_zone", "'Berlin'", "'Europe/Berlin'"),
    ("[features]", "[feature]", "unknown key", "'feature'", "did you mean 'features'?"),
    ('"age"', '"agee"', "table 'customers' has no column", "'agee'", "did you mean 'age'?"),
    ('["region"]', '["regoin"]', "has no column", "'regoin'", "did you mean 'region'?"),
    ('["age", "spend"]', '"age"', "features.numeric", "'age'", "a list, ['age']"),
    ('["owner"]', '["region"]', "features", "'region'", "named twice; a feature has one kind"),
    ('["age", "spend"]', '["age", "region"]', "features", "'region'", "a feature has one kind"),
    ('source = "customers.duckdb"', 'source = "customer.duckdb"', "[customers] source",
     "'customer.duckdb'", "mend the path, which starts at the folder of campaign.toml"),
    ('source = "customers.duckdb"', 'source = "customers.xlsx"', "[customers] source",
     "'customers.xlsx'", "mend the path"),
    (CUSTOMERS, 'table = "customer"', "has no table", "'customer'", "did you mean 'customers'?"),
    ('table = "consents"', 'table = "ok"', "[consents]", "'ok'", "known here: consents, customers"),
    (CUSTOMERS, CUSTOMERS + '\nkey = "id"', "no column", "'id'", "known here: age, customer_id"),
    ('table = "consents"', 'table = "consents"\ngranted = "ok"', "has no column", "'ok'",
     "known here: channel, customer_id, granted"),
    (CUSTOMERS, 'query = "SELECT random() AS r, * FROM customers"', "[customers] query", "rand",
     "use hash() of a column instead"),
    (CUSTOMERS, 'query = "DELETE FROM customers"', "[customers] query", "'DELETE FROM customers'",
     "must be one SELECT"),
    ('unit = "EUR"', "unit = 3", "reward.unit", "3", "a valid string"),
    ("window_days = 7.0", "window_days = 0", "reward.window_days", "0", "greater than 0"),
    ("window_days = 7.0", 'window_days = "week"', "reward.window_days", "'week'", "a valid number"),
    ("window_days = 7.0", "window = 7", "unknown key", "'reward.window'", "'window_days'?"),
    ("slots = 2", "slots = 0", "pressure.slots", "0", "greater than or equal to 1"),
    ("slots = 2", "slot = 2", "unknown key", "'pressure.slot'", "did you mean 'slots'?"),
    ("slots = 2", "max_contacts = 2", "pressure", "max_contacts", "per_days go together"),
    ("slots = 2", "quiet_days = -1", "pressure.quiet_days", "-1", "greater than 0"),
    ("holdout = 0.1", "holdout = 1.5", "policy.holdout", "1.5", "less than or equal to 1"),
    ("holdout = 0.1", 'holdout = "10 %"', "policy.holdout", "'10 %'", "a valid number"),
    ("exploration = 0.05", "exploration = -0.1", "policy.exploration", "-0.1", "or equal to 0"),
    ("share = 0.4", "share = 0.5", "the shares", "1.1", "they must sum to 1"),
    ('"rules"', '"rule"', "policy.share.1.policy", "'rule'", "'uniform' or 'rules'"),
    ('"lin_ts"', '"linTS"', "policy.share.2.policy", "'linTS'", "'lin_ucb', 'lin_ts', 'greedy'"),
    ("alpha = 1.0", "alpha = -1", "policy.share.2.alpha", "-1", "greater than or equal to 0"),
    (EMAIL, 'name = "email"\ncost = 0,01', "line 28", "0.01", "with a point"),
    (EMAIL, 'name = "email"\ncost = "cheap"', "channel.1.cost", "'cheap'", "a valid number"),
    ('name = "sms"', 'name = "email"', "channel", "'email'", "stands twice; rename one"),
    ('name = "sms"\n', 'name = "sms"\ncapacity = -5\n', "channel.2.capacity", "-5", "equal to 0"),
    ('name = "sms"\n', 'name = "sms"\ncapacity = 1.5\n', "capacity", "1.5", "a valid integer"),
    ('"inbound"', '"inbond"', "channel.3.kind", "'inbond'", "'outbound' or 'inbound'"),
    ("ranks = 2", "ranks = 0", "channel.3.ranks", "0", "greater than or equal to 1"),
    ("ranks = 2", "capacity = 5", "channel.3", "capacity", "is for outbound channels"),
    ('name = "fibre"', 'name = ""', "offer.1.name", "''", "begins with a letter"),
    ('name = "cable"', 'name = "fibre"', "offer", "'fibre'", "stands twice; rename one"),
    ("priority = 1", 'priority = "first"', "offer.1.priority", "'first'", "a valid integer"),
    ("cost = 0.1\n", "cost = -0.1\n", "offer.1.cost", "-0.1", "greater than or equal to 0"),
    ("cost = 0.1\n", "price = 0.1\n", "unknown key", "'offer.1.price'", "known here: name, family"),
    ("[features]", '[[source]]\nname = "x"\nsource = "x.csv"\ntime = "on"\n[features]',
     "unknown key", "'source.1.time'", "known here: "),
    (RULE, "regoin = 'north'", "offer 'fibre', eligible", "'regoin'", "did you mean 'region'?"),
    (RULE, "region = north", "offer 'fibre', eligible", "'north'", "known here: age, customer_id"),
    (RULE, "age > ", "offer 'fibre', eligible", "'age > '", "does not parse at line 1"),
    (RULE, "age + 1", "offer 'fibre', eligible", "'age + 1'", "compare it with something"),
    (RULE, "random() > 0.5", "offer 'fibre', eligible", "'random() > 0.5'", "is not allowed here"),
    (RULE, "age > 40; drop table x", "eligible", "drop table x", "does not parse at line 1"),
    ("spend / 100", "spent / 100", "offer 'music', value", "'spent'", "did you mean 'spend'?"),
    ("1 + spend / 100", "region", "offer 'music', value", "'region'", "not a number"),
    (MUSIC, 'channels = ["email", "hom"]', "offer 'music'", "'hom'", "did you mean 'home'?"),
    (MUSIC, 'channels = "email"', "offer.3.channels", "'email'", "a list, ['email']"),
    ("priority = 2", 'priority = 2\nstarts = "1.9.2026"', "offer.2.starts", "'1.9.2026'",
     "a date, 2026-09-01"),
    ("priority = 2", "priority = 2\nstarts = 2026-12-01\nends = 2026-11-01", "offer.2",
     "ends 2026-11-01", "lies before starts 2026-12-01; swap them"),
    ("priority = 2", "priority = 2\nmin_contacts = 20\nmax_contacts = 10", "offer.2",
     "min_contacts 20", "is above max_contacts 10"),
    ("priority = 2", "priority = 2\nbudget = nan", "offer.2.budget", "nan", "a finite number"),
    ("[policy]", "[policy", "no valid TOML", "at line 19", "Expected ']'"),
    ("[reward]", '[reward]\nunit = "USD"', "no valid TOML", "at line 16", "overwrite a value"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("right", "wrong", "thing", "value", "remedy"), MISTAKES, ids=[m[1] for m in MISTAKES]
)
def test_a_mistake_is_told_with_thing_value_and_remedy(
    right: str, wrong: str, thing: str, value: str, remedy: str, tmp_path: Path
) -> None:
    folder = campaigns.write(tmp_path / "campaign", customers=30)
    config = folder / "campaign.toml"
    assert right in config.read_text()
    config.write_text(config.read_text().replace(right, wrong, 1))
    with pytest.raises(BanditError) as told:
        check(folder)
    for part in (thing, value, remedy):
        assert part in str(told.value)


def test_there_are_sixty() -> None:
    assert len(MISTAKES) >= 60
