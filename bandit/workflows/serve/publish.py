"""From decisions in a folder aside to a published wave and its lists, all or nothing."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.config.offered import Channel
from bandit.core import files, spill
from bandit.core.days import day_of
from bandit.core.errors import ConfigError
from bandit.core.files import Move
from bandit.core.types import Progress
from bandit.core.version import versions
from bandit.record import exports, index, manifest, rejects, served_variables, snapshots
from bandit.record import waves as record
from bandit.record.exports import Lists
from bandit.record.rejects import Bound, Rejects
from bandit.record.served_variables import ServedVariables
from bandit.record.waves import DecisionWriter
from bandit.results.money import Money
from bandit.results.serve import Price, Split, WaveSummary
from bandit.runners.overlap import ahead, behind, meanwhile
from bandit.sources import database
from bandit.workflows.serve import serving_model
from bandit.workflows.serve.contact_history import ContactHistory
from bandit.workflows.serve.wave import Run, Wave

OF_THE_RUN = ("notes", "cluster")
"""Fields of a summary that tell how it was run."""


class Exported(NamedTuple):
    """The lists that were written, and ``digests`` of the decisions' files by their names."""

    lists: Lists
    digests: Mapping[str, str]


class Target(NamedTuple):
    """Where a wave is written before it is published: (aside, final) folders."""

    wave: Move
    lists: Move

    @classmethod
    def open(cls, stack: ExitStack, run: Run) -> Target:
        """Make the folders aside; they are gone when `stack` closes, unless published."""
        folder = spill.new(stack) if run.dry_run else run.campaign.folder
        wave = folder / record.WAVES / run.wave
        lists = folder / exports.EXPORTS / run.wave
        files.remove(lists)
        return cls(
            (stack.enter_context(files.aside(wave)), wave),
            (stack.enter_context(files.aside(lists)), lists),
        )

    def rejects(self, bound: Bound) -> Rejects:
        """Give what takes refused rows."""
        return Rejects(self.wave[0] / rejects.NAME, bound)

    def served(self) -> ServedVariables:
        """Give what takes variables and segments."""
        return ServedVariables(self.wave[0] / served_variables.NAME)

    @contextmanager
    def writer(self, decisions: pa.Schema) -> Iterator[Callable[[pa.RecordBatch], None]]:
        """Give what takes decisions; they are complete when it closes without an error."""
        for old in self.wave[0].glob("decisions-*"):
            old.unlink()
        writer = DecisionWriter(self.wave[0], decisions)
        try:
            yield writer.write
            writer.close()
        finally:
            writer.abandon()


def export(wave: Wave, target: Target, progress: Progress) -> Exported:
    """Write the lists, with the consents of this moment."""
    progress.step("reading consents again and writing lists")
    decisions = sorted(target.wave[0].glob("decisions-*.parquet"))
    run = wave.run
    folder, channels = target.lists[0], wave.catalogue.channels
    whole = [] if run.dry_run else decisions
    with meanwhile(lambda: _digested(whole)) as digests:
        lists = _export(run.campaign, run.at, run.threads, decisions, folder, channels)
    shutil.copyfile(target.lists[0] / exports.WITHHELD, target.wave[0] / exports.WITHHELD)
    return Exported(lists, digests.result())


def _digested(paths: Sequence[Path]) -> dict[str, str]:
    """Digests of files by their names; what is told of them is on the disk."""
    found = {}
    for path in paths:
        found[path.name] = files.sha256(path)
        files.sync(path)
    return found


def publish(
    wave: Wave,
    past: ContactHistory,
    target: Target,
    summary: WaveSummary,
    digests: Mapping[str, str],
) -> None:
    """Write manifests and rename: a new snapshot, then the wave, the index, then the lists.

    Nobody is contacted without a record: the lists come last, and `finish` writes them if a crash
    came in between. If a step fails, the steps before it are undone. ``digests`` as of `Exported`.
    """
    if wave.run.dry_run:
        return
    run, campaign = wave.run, wave.run.campaign
    about = {**content(wave, past.waves, summary), "heard": past.heard}
    manifest.write(target.wave[0], about, digests)
    manifest.write(target.lists[0], {"kind": "lists", "wave": run.wave})
    before = [target.wave]
    with ExitStack() as stack:
        if wave.start.is_new:
            final = campaign.folder / snapshots.SNAPSHOTS / wave.start.version
            partial = stack.enter_context(files.aside(final))
            serving_model.save(wave.start, partial, campaign)
            before.insert(0, (partial, final))
        with files.placing(*(partial for partial, _ in [*before, target.lists])) as place:
            for partial, final in before:
                place(partial, final)
            index.refresh(campaign.folder)
            place(*target.lists)
        snapshots.settle(campaign.folder)


def again(run: Run, notes: list[str]) -> WaveSummary:
    """A wave that is published already: its summary again."""
    folder = run.campaign.folder / record.WAVES / run.wave
    content = manifest.read(folder)
    if content["kind"] != "wave":
        raise ConfigError(f"{folder} is a campaign logged elsewhere; give another --wave")
    _hold_same(run, content, folder)
    names = {f.name for f in fields(WaveSummary)}
    stored = {k: v for k, v in content["summary"].items() if k in names}
    stored["limits"] = [Price(**limit) for limit in stored["limits"]]
    stored["split"] = [
        Split(one["arm"], one["customers"], [Price(**limit) for limit in one["limits"]])
        for one in stored.get("split", [])
    ]
    stored |= {part: Money(**stored[part]) for part in ("outbound", "inbound") if part in stored}
    summary = WaveSummary(**stored)
    notes = [*notes, f"wave {run.wave} is published already; it was not run again"]
    return replace(summary, notes=notes)


def finish(campaign: Campaign, at: dt.datetime, asked: str | None = None) -> list[str]:
    """Write the lists of waves that a dead run published without; consents are read anew.

    The folder that the dead run left aside says so, and goes last. Lists of a day that has gone by
    at ``at`` are old offers: they are written only for the wave that is ``asked`` for, and of the
    others every contact is withheld.
    """
    notes, zone = [], campaign.time_zone
    for wave in record.waves(campaign.folder):
        lists = campaign.folder / exports.EXPORTS / wave.name
        left = files.beside(lists)
        late = day_of(wave.at, zone) < day_of(at, zone) and wave.name != asked
        if lists.exists() and not (wave.name == asked and _is_late(lists)):
            continue
        if not lists.exists() and not left.exists():
            continue
        left.mkdir(exist_ok=True)
        with files.aside(lists.with_name(f"{wave.name}~")) as partial:
            notes.append(_late(wave, partial) if late else _made_good(campaign, wave, partial))
            files.remove(lists)
            files.put_in_place((partial, lists))
        files.remove(left)
    return notes


def _is_late(lists: Path) -> bool:
    return bool(manifest.read(lists).get("late"))


def _late(wave: record.Wave, partial: Path) -> str:
    """Nothing is sent any more, and the record must say so before anything is learned from it."""
    exports.write_none(partial, manifest.verified(wave.folder, wave.content, ".parquet"))
    manifest.write(partial, {"kind": "lists", "wave": wave.name, "late": True})
    return (
        f"wave {wave.name} was published without lists by a run that died, and its day has gone by:"
        " its contacts are withheld; to send them all the same, run `bandit serve-batch` again with"
        f" --wave {wave.name} --at {wave.at:%Y-%m-%dT%H:%M:%S}"
    )


def _made_good(campaign: Campaign, wave: record.Wave, partial: Path) -> str:
    decisions = [wave.manifest.verified(wave.folder, p.name) for p in wave.decisions]
    _export(campaign, wave.at, None, decisions, partial, _channels(wave))
    manifest.write(partial, {"kind": "lists", "wave": wave.name})
    return f"wrote the lists of wave {wave.name}, which a run that died had left out"


def _channels(wave: record.Wave) -> list[Channel]:
    """The channels that the wave was decided with, whatever the catalogue says today.

    A wave that does not say which of them need no consent is taken to need it for all.
    """
    known = wave.manifest.channels
    if known is None:
        return [Channel(name=c) for c in dict.fromkeys(c for _, c in wave.actions.pairs)]
    return list(known)


def _hold_same(run: Run, content: dict[str, Any], folder: Path) -> None:
    """The wave on disk must be the one asked for."""
    asked = {"config": run.campaign.digest, "seed": run.seed, "at": run.at.isoformat()}
    for name, value in asked.items():
        if content[name] != value:
            raise ConfigError(
                f"{folder} is published already, with {name} {content[name]}, and this run has"
                f" {value}; a wave is never written twice: give another --wave"
            )


def _export(
    campaign: Campaign,
    at: dt.datetime,
    threads: int | None,
    decisions: Sequence[Path],
    lists: Path,
    channels: Sequence[Channel],
) -> Lists:
    withheld = [p for p in (decisions[0].parent / exports.WITHHELD,) if p.is_file()]
    roles = ("customers", "consents")
    with database.connect(campaign, threads=threads, roles=roles, moment=at) as fresh:
        before = withheld[0] if withheld else None
        return exports.write(
            lists, campaign, fresh, decisions, channels,
            withheld=before, fetched=ahead, kept=behind,
        )  # fmt: skip


def content(wave: Wave, past: Sequence[str], summary: WaveSummary) -> dict[str, Any]:
    """The wave's manifest: what it was made from and what came out; no clock, no machine.

    ``past`` names the waves that it looked at.
    """
    run, the_plan = wave.run, wave.plan
    return {
        "kind": "wave",
        "wave": run.wave,
        "campaign": run.campaign.file,
        "at": run.at.isoformat(),
        "seed": run.seed,
        "config": run.campaign.digest,
        "snapshot": wave.start.version,
        "actions": the_plan.space.pairs,
        "placements": [p.name for p in the_plan.placements],
        "past": past,
        "groups": the_plan.groups,
        "features": wave.start.features.model_dump(),
        "d": wave.posterior.n_features,
        **({} if wave.model is None else {"model": wave.model}),
        "decisions": summary.decisions,
        "prices": the_plan.prices[0].tolist(),
        **({"arm_prices": _arm_prices(wave)} if the_plan.apart else {}),
        **({"experiments": _experiments(run)} if run.experiments else {}),
        **({"pinned": pinned} if (pinned := {v: p.model for v, p in wave.pinned.items()}) else {}),
        **served_with(wave),
        # These tell of this run, what it mended for one; the wave is the same without them.
        "summary": {
            k: v for k, v in asdict(summary).items() if k not in OF_THE_RUN and (v or k != "split")
        },
        "versions": versions(),
    }


def _arm_prices(wave: Wave) -> dict[str, list[float]]:
    return dict(zip(wave.plan.apart, wave.plan.prices[1:].tolist(), strict=True))


def _experiments(run: Run) -> list[dict[str, Any]]:
    return [served.model_dump(mode="json") for served in run.experiments]


def served_with(wave: Wave) -> dict[str, Any]:
    """What a look back at the wave needs, so that nothing is asked of a later campaign.toml."""
    campaign = wave.run.campaign
    made = campaign.model_dump(mode="json", include={"source", "variables", "segment"})
    return {
        "offers": [offer.model_dump(mode="json") for offer in wave.catalogue.offers],
        "channels": [channel.model_dump(mode="json") for channel in wave.catalogue.channels],
        "policy": campaign.policy.model_dump(mode="json", by_alias=True),
        "reward": campaign.reward.model_dump(mode="json"),
        "pressure": campaign.pressure.model_dump(mode="json"),
        "campaign_seed": campaign.seed,
        "content": wave.content,
        **({"made": made} if any(made.values()) else {}),
    }
