"""`bandit experiment check-list`: may a wave's lists leave, asked of this minute."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from pathlib import Path

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core.days import acting_at
from bandit.core.errors import DataError, UsageError
from bandit.core.problems import newest
from bandit.core.types import SILENT, Progress
from bandit.record import exports, manifest
from bandit.record import waves as record
from bandit.record.steady import steady
from bandit.record.waves import Wave
from bandit.results.experiment import ListCheck, ListFault, RatioCheck
from bandit.workflows.experiment import claims, lists_now, trust
from bandit.workflows.experiment.enrolled import contacted
from bandit.workflows.experiment.lists_read import Listed, listed, of_record
from bandit.workflows.serve.taking_part import takes_part


@steady
def check_list(
    campaign_path: Path,
    *,
    name: str | None = None,
    wave: str | None = None,
    at: dt.datetime | None = None,
    progress: Progress = SILENT,
) -> ListCheck:
    """Hold the lists against the record, the customers, their consents and pressure as of now.

    ``name`` adds the arms of an experiment against what was decided, in its newest wave; without it
    and without ``wave`` the newest wave is looked at. DataError where a list is not what was
    written.
    """
    campaign = campaign_file.load(campaign_path)
    now = acting_at(at, campaign.time_zone)
    chosen = _wave(campaign, name, wave)
    folder = campaign.folder / exports.EXPORTS / chosen.name
    about = manifest.read(folder) if folder.is_dir() else {}
    if not about or about.get("late"):
        raise DataError(
            f"{folder} holds no lists to check: wave {chosen.name}"
            f" {'was published after its day' if about else 'has none'}; see `bandit status`"
        )
    files = [f for f in manifest.verified(folder, about) if f.name != exports.WITHHELD]
    progress.step("reading the lists")
    with listed(campaign, chosen, files) as rows:
        faults = list(of_record(rows))
        progress.step("asking consents, pressure and addresses of now")
        faults += lists_now.faults(campaign, chosen, rows, now)
        ratio = _arms(campaign, chosen, name)
        return _told(chosen, name, rows, faults, ratio, _digest(files))


def _told(
    wave: Wave,
    name: str | None,
    rows: Listed,
    faults: list[ListFault],
    ratio: RatioCheck | None,
    digest: str,
) -> ListCheck:
    found = [fault for fault in faults if fault.count]
    if ratio is not None and ratio.alarm:
        found.append(ListFault("arms against plan", 0, [f"p = {ratio.p_value:.2g}"]))
    verdict = "The lists may leave; quote the digest when they do."
    if found:
        verdict = f"The lists must not leave: {', '.join(fault.check for fault in found)}."
    return ListCheck(
        wave=wave.name,
        experiment=name,
        lists=rows.counts,
        checks=[fault.check for fault in faults],
        faults=found,
        ratio=ratio,
        passed=not found,
        verdict=verdict,
        digest=digest,
    )


def _wave(campaign: Campaign, name: str | None, wave: str | None) -> Wave:
    if name is not None:
        claims.started(campaign, name, unedited=False)
    there = [
        w
        for w in record.waves(campaign.folder)
        if w.manifest.kind == "wave" and w.campaign == campaign.file
        and (name is None or takes_part(w, name))
    ]  # fmt: skip
    found = [w for w in there if wave is None or w.name == wave]
    if found:
        return found[-1]
    of = f" of experiment {name!r}" if name else ""
    if not there:
        raise UsageError(f"{campaign.folder} has no wave{of} yet; `bandit serve-batch` makes one")
    others = newest(str(wave), [w.name for w in there])
    raise UsageError(f"{campaign.folder} has no wave {wave!r}{of}{others}")


def _arms(campaign: Campaign, wave: Wave, name: str | None) -> RatioCheck | None:
    """Listed contacts by arm against those that were decided."""
    if name is None:
        return None
    served = next(s for s in wave.manifest.experiments if s.name == name)
    return trust.exported(contacted(campaign, [wave], name, served.experiment))


def _digest(files: list[Path]) -> str:
    """sha256 of the lists by name and content: what activation quotes."""
    digest = hashlib.sha256()
    for part in _parts(files):
        digest.update(part)
    return digest.hexdigest()


def _parts(files: list[Path]) -> Iterator[bytes]:
    for path in sorted(files):
        yield path.name.encode() + b"\0"
        yield hashlib.sha256(path.read_bytes()).digest()
