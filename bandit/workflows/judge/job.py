"""What is to be judged: a campaign, a folder with a simulation.toml, or an Open Bandit log."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.config.simulation import Simulate
from bandit.core.errors import ConfigError
from bandit.workflows.judge import open_bandit

FILE = "simulation.toml"
REPORTS = "reports"


class Job(NamedTuple):
    """``alone``: there is no catalogue, the log's own values are the actions; ``obd``: its file."""

    campaign: Campaign
    alone: bool
    obd: Path | None

    @property
    def settings(self) -> Simulate:
        """The [simulate] section."""
        return self.campaign.simulate

    @property
    def reports(self) -> Path:
        """Where reports go unless --out says otherwise: not into a public data set's folder."""
        if self.obd is not None and self.campaign.folder == self.obd.parent:
            return Path(REPORTS) / self.campaign.name
        return self.campaign.folder / REPORTS / "simulate"


def load(path: Path) -> Job:
    """Read what stands at ``path``; ConfigError lists everything wrong with it."""
    file = path / FILE if path.is_dir() else path
    if file.name == FILE and file.exists():
        return _simulation(file)
    found = open_bandit.locate(path)
    if found is not None:
        raw = {"name": _name(found.stem)}
        return Job(campaign_file.parse(_alone(raw, str(found)), found), True, found)
    return Job(campaign_file.load(path), False, None)


def _simulation(file: Path) -> Job:
    """A simulation.toml: sections of a campaign.toml, alone or laid over those of a campaign."""
    raw = campaign_file.table(file)
    base, obd = raw.pop("campaign", None), raw.pop("open_bandit", None)
    if base is not None and obd is not None:
        raise ConfigError(f"{file}: campaign and open_bandit exclude each other; keep one")
    if base is not None:
        return Job(_over(file, file.parent / _path(file, "campaign", base), raw), False, None)
    if obd is not None:
        found = open_bandit.locate(file.parent / _path(file, "open_bandit", obd))
        if found is None:
            raise ConfigError(
                f"{file}: open_bandit = {obd!r} holds no log of the Open Bandit Dataset; name the"
                " folder with item_context.csv, or the log's Parquet file"
            )
        return Job(campaign_file.parse(_alone(raw, str(found)), file), True, found)
    if not isinstance(raw.get("log"), dict):
        raise ConfigError(f"{file} names no log: add [log], or campaign = or open_bandit = a path")
    return Job(campaign_file.parse(_alone(raw, raw["log"].get("source", "")), file), True, None)


def _over(file: Path, base: Path, raw: dict[str, Any]) -> Campaign:
    """The campaign at ``base`` with the sections of a simulation.toml in place of its own.

    Paths keep starting at the campaign's folder.
    """
    base_file = base / "campaign.toml" if base.is_dir() else base
    campaign_file.load(base_file)
    below = campaign_file.table(base_file)
    try:
        return campaign_file.parse({**below, **raw}, base_file)
    except ConfigError as e:
        raise ConfigError(f"{file}, over its campaign:\n{e}") from None


def _alone(raw: dict[str, Any], source: str) -> dict[str, Any]:
    """A campaign without catalogue: one offer and one channel that nothing refers to."""
    clash = sorted({"customers", "offer", "offers", "channel", "channels"} & set(raw))
    if clash:
        raise ConfigError(
            f"{FILE}: [{clash[0]}] belongs into a campaign.toml; name that with campaign = its path"
        )
    catalogue = {"offer": [{"name": "any"}], "channel": [{"name": "any"}]}
    return {**raw, "customers": {"source": source, "query": "SELECT 1"}, **catalogue}


def _path(file: Path, key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{file}: {key} = {value!r} must be a path")
    return value


def _name(stem: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in stem) or "log"
