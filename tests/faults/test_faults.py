"""A small share of `python -m tests.faults`, so that every kind of fault is met in each run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import (
    bombs,
    changes,
    crash,
    damage,
    malformed,
    month,
    order,
    pairs,
    people,
    readers,
    signals,
    small,
)
from tests.faults.crash import Case
from tests.faults.runs import COMPILERS, Runs, compiler

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    if compiler() is None:
        pytest.skip(f"needs a C compiler ({', '.join(COMPILERS)}) to build the fault shim")
    with Runs(tmp_path_factory.mktemp("runs")) as server:
        yield server


@pytest.fixture(scope="module")
def serving(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return crash.serve_case(runs, tmp_path_factory.mktemp("serve"))


@pytest.fixture(scope="module")
def learning(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return crash.learn_case(runs, tmp_path_factory.mktemp("learn"))


def test_a_killed_wave_is_made_good_by_the_next_run(serving: Case) -> None:
    tally = crash.kills(serving, 2, seed=11)
    assert tally.runs == 2


def test_a_killed_learn_is_made_good_by_the_next_run(learning: Case) -> None:
    tally = crash.kills(learning, 1, seed=12)
    assert tally.runs == 1


def test_a_crash_between_the_renames_of_wave_and_lists_writes_the_lists(serving: Case) -> None:
    *_, lists, _note = (i for i, call in enumerate(serving.calls) if call == "rename")
    serving.reset()
    killed = serving.run(fault=crash.Fault(serving.folder, lists, crash.Mode.KILL_BEFORE))
    assert killed.code == -9
    assert not (serving.folder / "exports" / crash.WAVE).exists()
    again = serving.hold_same("killed before the lists")
    assert "wrote the lists of wave" in again.stdout


def test_a_failing_disk_publishes_nothing(serving: Case) -> None:
    renames = [i for i, call in enumerate(serving.calls) if call == "rename"]
    assert crash.failures(serving, [0], ["full"]).runs == 1
    assert crash.failures(serving, [renames[-3]], ["dead"]).runs == 1


@pytest.mark.long
def test_a_killed_rollback_or_export_leaves_nothing_half(learning: Case) -> None:
    assert changes.rollbacks(learning, 1, seed=14)["kills"] == 1
    assert changes.exported(learning, 1, seed=15)["kills"] == 1


@pytest.mark.long
def test_a_file_that_claims_too_much_is_refused_in_bounded_memory(
    runs: Runs, tmp_path: Path
) -> None:
    assert bombs.bombs(runs, tmp_path)["bombs"] == 11


def test_customers_replaced_while_a_wave_runs(tmp_path: Path) -> None:
    assert changes.replaced(tmp_path / "campaign", 3, seed=16)["contacted without consent"] == 0


@pytest.mark.long
def test_a_folder_that_moves_goes_on(runs: Runs, tmp_path: Path) -> None:
    assert changes.moved(runs, tmp_path)["moves"] == 8


@pytest.mark.long
def test_hundreds_of_channels_keep_their_consents_apart(runs: Runs, tmp_path: Path) -> None:
    assert changes.channels(runs, tmp_path)["contacted without consent"] == 0


def test_a_signal_ends_a_run_as_the_keyboard_does(serving: Case) -> None:
    assert signals.ended(serving, 4, seed=13)["left behind"] == 0


def test_a_signal_while_the_program_is_loaded_is_no_traceback(tmp_path: Path) -> None:
    codes = signals.while_loading(small.write(tmp_path), [0.1, 0.4])
    # -15, -2: before a handler stands, and Python's own way out of an interrupt (130 to a shell).
    assert codes.keys() <= {143, -15, -2, 0}


def test_a_damaged_index_is_made_anew_and_other_damage_refused(
    runs: Runs, learning: Case, tmp_path: Path
) -> None:
    folder = damage.learned_folder(learning)
    at = crash.LATER[:19]
    assert damage.index(folder, lambda path: runs.bandit("learn", path, "--at", at), 2, seed=1) == 2
    assert set(damage.refused(runs, tmp_path, folder, 1, seed=1).values()) == {1}


def test_of_two_runs_at_once_one_publishes(serving: Case) -> None:
    assert pairs.pairs(serving, 1) == {(0, 5): 1}


def test_malformed_inputs_end_in_a_message(tmp_path: Path) -> None:
    assert malformed.malformed(tmp_path, 60, 1)


def test_who_opted_out_after_scoring_is_on_no_list(tmp_path: Path) -> None:
    assert people.opt_outs(tmp_path / "campaign", 2, seed=1)["on a list"] == 0


@pytest.mark.long
def test_who_is_forgotten_is_in_no_file(runs: Runs, tmp_path: Path) -> None:
    assert people.forget(runs, tmp_path, 1, seed=3)["traces"] == 0


@pytest.mark.long
def test_readers_beside_a_forget_call_nothing_damaged(runs: Runs, tmp_path: Path) -> None:
    assert readers.beside_forget(runs, tmp_path, 3, seed=5)["called damaged"] == 0


def test_the_order_of_deliveries_changes_no_byte(tmp_path: Path) -> None:
    assert order.shuffled(tmp_path, 1, seed=1) == 1


@pytest.mark.long
def test_days_with_a_fault_each_leave_a_complete_record(runs: Runs, tmp_path: Path) -> None:
    assert month.month(runs, tmp_path / "campaign", 3, seed=1)["days"] == 3
