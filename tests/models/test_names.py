from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import bandit
from bandit.core.errors import ConfigError, DataError

SPACE = bandit.ActionSpace(["no contact", "fibre/email", "fibre/sms"])
RNG = np.random.default_rng(0)
CONTEXTS = RNG.normal(size=(30, 2)).astype(np.float32)
TAKEN = RNG.integers(0, 3, 30)
REWARDS = RNG.random(30)


def named():
    return bandit.Posterior.prior(SPACE, 2)


def learned(start=None, actions=TAKEN):
    return (start or named()).update(CONTEXTS, actions, REWARDS)


@pytest.mark.parametrize("make", [list, np.array, pl.Series, lambda x: np.array(x, object)])
def test_names_are_taken_where_numbers_are(make):
    by_number = learned(bandit.Posterior.prior(3, 2))
    by_name = learned(actions=make([SPACE[a] for a in TAKEN]))
    assert np.array_equal(by_name.gram, by_number.gram)
    assert np.array_equal(by_name.mean, learned().mean)
    assert by_name.actions == SPACE


def test_names_stay_through_every_step_and_the_file(tmp_path):
    posterior = learned().merge(learned()).decay(0.5).add_actions(["tv/email"], like=["fibre/sms"])
    assert posterior.actions.names == (*SPACE.names, "tv/email")
    assert np.array_equal(posterior.gram[3], posterior.gram[2])
    for found in (posterior, posterior.pooled(np.ones((4, 1)))):
        bandit.save_posterior(tmp_path / "p.safetensors", found)
        again = bandit.load_posterior(tmp_path / "p.safetensors")
        assert again.actions == found.actions
        more = again.add_actions(["x/email"])
        assert more.actions.index("x/email") == 4


def test_aligned_actions_are_named_by_the_caller():
    assert learned().align([0, -1, 2, 1]).actions is None


def test_numpy_counts_are_counts():
    plain = bandit.Posterior.prior(np.int64(3), np.int64(2))
    assert plain.add_actions(np.int64(2)).n_actions == 5
    assert plain.pooled(np.ones((3, 1))).add_actions(np.int64(1)).n_actions == 4


def test_rules_by_name():
    rules = bandit.Rules(["fibre/sms", "fibre/email"], actions=SPACE)
    assert rules.priority == (2, 1)
    assert (rules.choose(named(), CONTEXTS).action == 2).all()
    with pytest.raises(
        ConfigError, match="priority names 'fibre/sms': say which actions there are"
    ):
        bandit.Rules(["fibre/sms"])
    with pytest.raises(DataError, match="'fibre/smss' is no action; did you mean 'fibre/sms'"):
        bandit.Rules(["fibre/smss"], actions=SPACE)


def test_names_that_are_none_are_refused_by_row():
    names = np.array([SPACE[a] for a in TAKEN], object)
    names[[7, 4]] = "fibre/smss"
    with pytest.raises(DataError, match="'fibre/smss' in row 4 is no action; did you mean"):
        learned(actions=names)
    with pytest.raises(DataError, match="actions are names, and this posterior knows none: start"):
        learned(bandit.Posterior.prior(3, 2), names)
    with pytest.raises(DataError, match="actions have names here: name the 2 new ones"):
        named().add_actions(2)
    with pytest.raises(DataError, match="those there are have none: give a count"):
        bandit.Posterior.prior(3, 2).add_actions(["x"])
    with pytest.raises(DataError, match="like names 'x', and this posterior knows no names"):
        bandit.Posterior.prior(3, 2).add_actions(1, like=["x"])
    with pytest.raises(DataError, match="merge only with the same actions"):
        named().merge(bandit.Posterior.prior(bandit.ActionSpace("abc"), 2))
    with pytest.raises(DataError, match="posterior has 2 actions, 3 are named"):
        bandit.Posterior(
            np.zeros((2, 1, 1)), np.zeros((2, 1)), *[np.zeros(2)] * 3, 1.0, None, SPACE
        )


def test_a_file_with_damaged_names_is_refused(tmp_path):
    from safetensors.numpy import save

    arrays = {
        n: getattr(named(), n) for n in ("gram", "shift", "count", "reward_sum", "square_sum")
    }
    arrays["ridge"] = np.ones(1)
    for text in ("{", "{}", "[1, 2, 3]"):
        content = save(arrays, metadata={"format": "bandit-posterior-1", "actions": text})
        (tmp_path / "p.safetensors").write_bytes(content)
        with pytest.raises(DataError, match="actions must be a list of names"):
            bandit.load_posterior(tmp_path / "p.safetensors")


def test_a_posterior_shows_itself_in_a_line_and_a_small_table():
    assert repr(learned()) == "Posterior(3 actions, 2 features, 30 rows)"
    assert (
        repr(learned().pooled(np.ones((3, 1)))) == "PooledPosterior(3 actions, 2 features, 30 rows)"
    )
    html = learned()._repr_html_()
    assert "fibre/email" in html
    many = bandit.Posterior.prior(bandit.ActionSpace(f"<b>{i}" for i in range(5000)), 2)
    assert len(many._repr_html_()) < 3000
    assert "<b>" not in many._repr_html_()
    assert "and 4,980 actions that were taken less" in many._repr_html_()
