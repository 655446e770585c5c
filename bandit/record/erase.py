"""Customers out of the record: files rewritten aside, committed by one rename, put in place.

Until the rename nothing has happened; after it, whoever holds the lock next finishes the rest. So
a crash leaves the customers either in every file or, after the next command, in none.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bandit.core import files
from bandit.core.errors import DataError
from bandit.core.problems import shown
from bandit.record import (
    erase_events,
    exports,
    forgotten,
    kept_refusals,
    lists,
    manifest,
    outcomes,
    rejects,
    served_variables,
)
from bandit.record import waves as record
from bandit.record.person import People, among
from bandit.record.staged import Said, Staged
from bandit.record.waves import ROWS_PER_GROUP, Wave

COMMITTED = ".forget"
FINISHED = "finished a `forget` that a run that died had begun"
_REMOVALS = "removals.json"
_NAME = r"[^/\x00]*[^/.\x00][^/\x00]*"
_REMOVED = re.compile(rf"waves/{_NAME}/decisions-[0-9]+\.parquet|statistics/{_NAME}")
_REPLACED = re.compile(
    rf"(waves|outcomes|exports)/{_NAME}/{_NAME}\.(parquet|csv|json)"
    r"|outbox(/(?!\.)[^/]+){2,}|streams/(events|refusals)/[0-9]+\.log"
    rf"|{re.escape(forgotten.NAME)}"
)

_SAID = ("event", "customer_id", "occurred_at")

Keep = Callable[[pa.RecordBatch], pa.Array]
"""The rows of a batch that stay."""


class UnknownPersonError(DataError):
    """The record holds no row about them: a slip in the key, or they are forgotten already."""


class Erased(NamedTuple):
    """How many rows of each kind went; ``waves``: those that lost decisions.

    ``listed``: in the outbox too; ``events``: that triggers had heeded, or that waited.
    """

    decisions: int
    outcomes: int
    rejects: int
    listed: int
    events: int
    waves: tuple[str, ...]

    @property
    def rows(self) -> int:
        """How many went in all."""
        return self.decisions + self.outcomes + self.rejects + self.listed + self.events


def erase(
    campaign: Path,
    people: People,
    caches: Path,
    *,
    refusing: Collection[str] = (),
    persons: Sequence[Sequence[str]] = (),
    again: bool = False,
    on: dt.date | None = None,
) -> Erased:
    """Remove every row about ``people``; under ``caches`` the sums of the waves that they leave.

    The caller holds the lock and has called `finish`. Files are checked against their digests
    before they are rewritten, so that no damage gets a new digest: DataError names the file.
    UnknownPersonError, and nothing goes, if there is no row about one of them, unless ``again``: a
    run that died may have erased them. Of ``persons`` with several keys one is enough. Who had said
    an event of the folded kinds ``refusing`` is kept among the refusals, with the rest or not at
    all: nobody is contacted because what they said was forgotten. ``on`` is the day that is kept
    with digests of their keys; without it none is.
    """
    with files.aside(campaign / "forget") as stage:
        staged = Staged(campaign, stage, [], set(), [])
        found = _stage(staged, people)
        each = persons or [(key,) for key in people.keys]
        unknown = [keys[0] for keys in each if not staged.found.intersection(keys)]
        if unknown and not again:
            named = ", ".join(map(shown, unknown))
            raise UnknownPersonError(f"the record holds nothing of {named}; nobody was forgotten")
        if not found.rows:
            return found
        kept_refusals.keep(staged, people, refusing)
        if on is not None:
            salt = "\n".join(wave.name for wave in record.waves(campaign))
            noted = forgotten.with_more(campaign, people, on, salt)
            (stage / forgotten.NAME).write_bytes(noted)
        for folder in manifest.published(caches):
            if any(folder.name.startswith(f"{wave}-") for wave in found.waves):
                staged.without(folder)
        (stage / _REMOVALS).write_text(json.dumps(staged.removals), encoding="utf-8")
        files.put_in_place((stage, campaign / COMMITTED))
    finish(campaign)
    return found


def people(
    campaign: Path, keys: Sequence[str], elsewhere: Sequence[tuple[str, str]] = ()
) -> People:
    """The customers with these keys, which are whole numbers where the record's keys are.

    ``elsewhere``: their ids of other kinds, each after its kind.
    """
    found = [wave.decisions[0] for wave in record.waves(campaign) if wave.decisions]
    found += [path / outcomes.EVENTS for path in manifest.published(campaign / outcomes.OUTCOMES)]
    kinds = (pq.read_schema(path).field("customer_id").type for path in found)
    whole = any(pa.types.is_integer(kind) for kind in kinds)
    return People(tuple(keys), whole, tuple(f"{kind} {id_}" for kind, id_ in elsewhere))


def finish(campaign: Path) -> list[str]:
    """Do what a committed erasure has left to do; a sentence if there was any.

    The folder may have come from elsewhere with the campaign: DataError, and nothing is touched,
    if it asks for anything that no erasure of ours does.
    """
    stage = campaign / COMMITTED
    files.hold_no_link(stage)
    if not stage.is_dir():
        return []
    removals, staged = _removals(stage), _new(stage)
    _hold_ours(campaign, stage, removals, [str(path.relative_to(stage)) for path in staged])
    try:
        touched = {path.parent for path in _apply(campaign, stage, removals, staged)}
        for folder in sorted(touched):
            if folder.is_dir():
                files.sync(folder)
        files.remove(stage)
        files.sync(campaign)
    except OSError as e:
        raise DataError(
            f"{stage}: the customer is not yet out of every file: {e.strerror or e}; mend the"
            " disk, and the next command does the rest"
        ) from None
    return [FINISHED]


def _new(stage: Path) -> list[Path]:
    found = (p for p in stage.rglob("*") if p.is_symlink() or not p.is_dir())
    return sorted(p for p in found if p != stage / _REMOVALS)


def _hold_ours(
    campaign: Path, stage: Path, removals: Sequence[str], replaced: Sequence[str]
) -> None:
    """Only files and folders of the shape that `erase` stages, and no link on the way to them."""
    strange = [name for name in removals if not _REMOVED.fullmatch(name)]
    strange += [name for name in replaced if not _REPLACED.fullmatch(name)]
    strange += [name for name in replaced if (stage / name).is_symlink()]
    if strange:
        raise DataError(
            f"{stage} asks to change {shown(strange[0])}, which no `forget` does; this folder was"
            " not made here: look into it, and remove it if nobody is to be forgotten"
        )
    for name in (*removals, *replaced):
        path = campaign / name
        files.hold_no_link(*[p for p in path.parents if campaign in p.parents])


def _apply(
    campaign: Path, stage: Path, removals: Sequence[str], staged: Sequence[Path]
) -> Iterator[Path]:
    """Remove and replace what is still to do; a folder that the user has deleted stays so."""
    for name in removals:
        files.remove(campaign / name)
        yield campaign / name
    for path in staged:
        target = campaign / path.relative_to(stage)
        if target.parent.is_dir():
            files.bring(path, target)
            yield target


def _removals(stage: Path) -> list[str]:
    path = stage / _REMOVALS
    if not path.is_file():
        return []
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise DataError(f"{path} is damaged; restore it from a backup")
    return found


def _stage(staged: Staged, people: People) -> Erased:
    decisions = events = refusals = listed = 0
    gone: list[str] = []
    left: list[str] = []
    for wave in record.waves(staged.campaign):
        ids = list(_decision_ids(staged, wave, people))
        refused = _rejects(staged, wave.folder, wave.content, people)
        known = _variables(staged, wave, people)
        if ids:
            left.append(wave.name)
            gone += ids
            listed += _lists(staged, staged.campaign / exports.EXPORTS / wave.name, ids)
        if ids or refused or known:
            _wave(staged, wave, people, ids)
        decisions, refusals = decisions + len(ids), refusals + refused
    for folder in manifest.published(staged.campaign / outcomes.OUTCOMES):
        content = manifest.read(folder)
        refused = _rejects(staged, folder, content, people)
        lost = _events(staged, folder, content, people, gone)
        if refused or lost:
            _sign(staged, folder, content)
        events, refusals = events + lost, refusals + refused
    listed += erase_events.outbox_lines(staged, people)
    heard = erase_events.heard(staged, people)
    return Erased(decisions, events, refusals, listed, heard, tuple(left))


def _decision_ids(staged: Staged, wave: Wave, people: People) -> Iterator[str]:
    """The ids of the decisions about ``people``."""
    for path in wave.decisions:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=["customer_id", "decision_id"]):
                own = batch.filter(people.own(batch["customer_id"]))
                staged.sight(people, own["customer_id"])
                yield from own["decision_id"].to_pylist()


def _wave(staged: Staged, wave: Wave, people: People, ids: Sequence[str]) -> None:
    """Decisions and what was withheld without ``ids``, and the manifest over them."""
    folder, content = wave.folder, wave.content
    if ids:
        _decisions(staged, wave, people)
        content = {**content, "forgotten": content.get("forgotten", 0) + len(ids)}
        if exports.WITHHELD in content["files"]:
            _filtered(staged, folder, content, exports.WITHHELD, _not_among(ids))
    _sign(staged, folder, content)


def _decisions(staged: Staged, wave: Wave, people: People) -> None:
    manifest.verified(wave.folder, wave.content, ".parquet")
    place = staged.of(wave.folder)
    kind = pq.read_schema(wave.decisions[0])
    writer = record.DecisionWriter(place, kind)
    try:
        for path in wave.decisions:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(ROWS_PER_GROUP):
                    stays = pc.invert(people.own(batch["customer_id"]))
                    writer.write(batch.filter(stays).cast(kind))
        writer.close()
    finally:
        writer.abandon()
    for path in wave.decisions:
        if not (place / path.name).exists():
            staged.without(path)


def _lists(staged: Staged, folder: Path, ids: Sequence[str]) -> int:
    """The channels' lists without ``ids``; a list that the user has taken away stays away."""
    if not (folder / manifest.NAME).is_file():
        return 0
    content = manifest.read(folder)
    there = {n: e for n, e in content["files"].items() if (folder / n).is_file()}
    place = staged.of(folder)
    lost = 0
    for name in there:
        if name.endswith(".csv"):
            lost += lists.without(folder / name, place / name, set(ids))
        else:
            lost += _filter_file(folder / name, place / name, _not_among(ids))
    _sign(staged, folder, {**content, "files": there})
    return lost


def _not_among(ids: Sequence[str]) -> Keep:
    return lambda batch: pc.invert(among(batch["decision_id"], ids))


def _rejects(staged: Staged, folder: Path, content: dict[str, Any], people: People) -> int:
    """Rejects that are about them, or mention them in a cell."""

    def keep(batch: pa.RecordBatch) -> pa.Array:
        about = [people.mentioned(batch[name]) for name in ("key", "value")]
        for name, mask in zip(("key", "value"), about, strict=True):
            staged.sight(people, batch[name].filter(mask))
        return pc.invert(pc.or_(*about))

    if rejects.NAME not in content["files"]:
        return 0
    return _filtered(staged, folder, content, rejects.NAME, keep)


def _variables(staged: Staged, wave: Wave, people: People) -> int:
    def keep(batch: pa.RecordBatch) -> pa.Array:
        own = people.own(batch[served_variables.CUSTOMER])
        staged.sight(people, batch[served_variables.CUSTOMER].filter(own))
        return pc.invert(own)

    names = (served_variables.NAME, served_variables.UNITS)
    held = [name for name in names if name in wave.content["files"]]
    return sum(_filtered(staged, wave.folder, wave.content, name, keep) for name in held)


def _events(
    staged: Staged, folder: Path, content: dict[str, Any], people: People, gone: Sequence[str]
) -> int:
    def keep(batch: pa.RecordBatch) -> pa.Array:
        own, mentioned = people.own(batch["customer_id"]), people.mentioned(batch["event_id"])
        staged.sight(people, batch["customer_id"].filter(own))
        staged.sight(people, batch["event_id"].filter(mentioned))
        goes = pc.or_(pc.or_(own, mentioned), among(batch["decision_id"], gone))
        columns = (batch[name].filter(goes).to_pylist() for name in _SAID)
        staged.said.extend(Said(*one) for one in zip(*columns, strict=True))
        return pc.invert(goes)

    return _filtered(staged, folder, content, outcomes.EVENTS, keep)


def _filtered(staged: Staged, folder: Path, content: dict[str, Any], name: str, keep: Keep) -> int:
    """Stage a Parquet file without the rows that go; how many, 0 if nothing was staged."""
    files.verify(folder, name, content["files"][name]["sha256"])
    target = staged.of(folder) / name
    lost = _filter_file(folder / name, target, keep)
    if not lost:
        target.unlink()
    return lost


def _filter_file(source: Path, target: Path, keep: Keep) -> int:
    lost = 0
    with (
        pq.ParquetFile(source) as file,
        pq.ParquetWriter(target, file.schema_arrow, compression="ZSTD") as writer,
    ):
        for batch in file.iter_batches(ROWS_PER_GROUP):
            stays = batch.filter(keep(batch))
            lost += batch.num_rows - stays.num_rows
            writer.write_batch(stays)
    return lost


def _sign(staged: Staged, folder: Path, content: dict[str, Any]) -> None:
    """Stage the folder's manifest: new digests for new files, none for those that go."""
    place = staged.of(folder)
    removed = [staged.campaign / name for name in staged.removals]
    gone = {path.name for path in removed if path.parent == folder}
    listed = {name: entry for name, entry in content["files"].items() if name not in gone}
    for path in place.iterdir():
        listed[path.name] = {"bytes": path.stat().st_size, "sha256": files.sha256(path)}
    (place / manifest.NAME).write_bytes(manifest.encoded({**content, "files": listed}))
