import json
from io import StringIO

import duckdb
import numpy as np
import pytest

from bandit.core.errors import UsageError
from bandit.record import journal
from bandit.render.terminal import show
from bandit.workflows.start.demo import demo
from bandit.workflows.start.demo_score import HOLDOUT, LEARNED, RULES

CUSTOMERS, WAVES = 4_000, 3


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "operator"
    return demo(folder=folder, customers=CUSTOMERS, waves=WAVES, seed=5)


def test_every_wave_is_scored_for_every_group(shown):
    assert [w.wave for w in shown.waves] == ["wave-01", "wave-02", "wave-03"]
    for wave in shown.waves:
        assert set(wave.per_customer) == {LEARNED, RULES, HOLDOUT}
        assert sum(wave.customers.values()) <= CUSTOMERS
        assert sum(wave.customers.values()) > 0.95 * CUSTOMERS
        assert wave.contacts[HOLDOUT] == 0
        assert wave.per_contact[HOLDOUT] is None
        assert wave.learned_less_rules.lower < wave.learned_less_rules.value
        assert wave.closed.value <= 1


def test_learning_pays(shown):
    first, last = shown.waves[0], shown.waves[-1]
    assert last.closed.lower > first.closed.upper


def test_its_commands_stand_in_the_journal(shown):
    made = [(entry.command, entry.made) for entry in journal.read(shown.folder).entries]
    waves = [[("serve-batch", f"wave-0{n}"), ("learn", f"00000{n}")] for n in (1, 2, 3)]
    assert made == [change for wave in waves for change in wave]


def test_it_is_a_campaign_like_any_other(shown):
    names = {p.name for p in shown.folder.iterdir()}
    assert {"campaign.toml", "customers.duckdb", "waves", "outcomes", "snapshots"} <= names
    assert len(list((shown.folder / "snapshots").iterdir())) == WAVES + 1
    assert all(str(shown.folder) in command for command in shown.next)


def test_who_withdraws_consent_is_struck_from_the_table(shown):
    with duckdb.connect(str(shown.folder / "customers.duckdb"), read_only=True) as con:
        gone = con.execute("SELECT count(*) FROM consents WHERE NOT granted").fetchone()[0]
    assert gone > 10


def test_the_result_is_one_json_object_and_a_table(shown):
    plain = json.loads(json.dumps(shown.to_json(), allow_nan=False))
    assert plain["waves"][0]["closed"].keys() == {"value", "lower", "upper"}
    printed = StringIO()
    show(shown, printed, width=140)
    text = printed.getvalue()
    assert "\n03 " in text
    assert f"bandit explain {shown.folder}" in text.replace("\n", "")
    assert np.isfinite(shown.learned_less_rules.value)


def test_an_occupied_folder_is_refused(tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(UsageError, match="is not empty"):
        demo(folder=tmp_path, customers=100, waves=1)
