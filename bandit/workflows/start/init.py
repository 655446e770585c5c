"""`bandit init`: a commented campaign.toml and example data to start from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from bandit.core.errors import UsageError
from bandit.core.files import aside, put_in_place
from bandit.core.types import SILENT, Progress
from bandit.results.start import InitResult
from bandit.worlds.operator import World

CUSTOMERS = 2_000


def init(*, folder: Path, progress: Progress = SILENT) -> InitResult:
    """Write an example campaign into `folder`, which must be new or empty; all of it or nothing."""
    refuse_occupied(folder)
    progress.step("writing the example")
    world = World(CUSTOMERS, offers=6)
    template = files("bandit.workflows.start") / "templates" / "campaign.toml"
    with aside(folder.absolute()) as partial:
        world.write(partial)
        (partial / "campaign.toml").write_bytes(template.read_bytes())
        written = tuple(sorted(p.name for p in partial.iterdir()))
        put_in_place((partial, folder.absolute()))
    commands = tuple(f"bandit {verb} {folder}" for verb in ("check", "serve-batch"))
    return InitResult(folder, CUSTOMERS, written, commands)


def refuse_occupied(folder: Path) -> None:
    """UsageError when `folder` is a file or holds anything."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{folder} is not a folder; name a new or an empty one")
    if folder.is_dir() and (first := min((p.name for p in folder.iterdir()), default=None)):
        raise UsageError(f"{folder} is not empty (it holds {first}); name a new or an empty folder")
