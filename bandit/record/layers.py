"""Who claimed which buckets of which layer: one small file of the record, replaced whole.

It holds no customer: membership follows from a key, a layer's name and its seed. The experiment
stands in it as it was started, so that what was served can be told whatever became of its file.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from bandit.config.experiment import Experiment
from bandit.core import files
from bandit.core.errors import DataError
from bandit.record import manifest

NAME = "layers.json"


class Claimed(BaseModel):
    """An experiment's buckets: ``ranges`` from the first up to before the last, rising.

    ``campaign`` is the file whose waves it is part of; ``end`` the day it was stopped, if it was;
    ``pinned`` the digests of the snapshots that its arms decide by, by version.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    name: str
    campaign: str
    digest: str
    ranges: tuple[tuple[int, int], ...]
    experiment: Experiment
    pinned: dict[str, str] = {}
    end: dt.date | None = None


class Layer(BaseModel):
    """A layer of 10,000 buckets; ``seed`` is what they are drawn from, with its name."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    name: str
    seed: int
    claims: tuple[Claimed, ...] = ()


class Layers(BaseModel):
    """All layers of a folder, in the order in which they came up."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    layers: tuple[Layer, ...] = ()

    def find(self, name: str) -> Layer | None:
        """The layer of a name."""
        return next((layer for layer in self.layers if layer.name == name), None)

    def of_experiment(self, name: str) -> tuple[Layer, Claimed] | None:
        """The claim of an experiment, with its layer."""
        found = ((layer, c) for layer in self.layers for c in layer.claims if c.name == name)
        return next(found, None)

    def having(self, layer: Layer) -> Layers:
        """These, with one put in the place of its name, or behind the others."""
        if self.find(layer.name) is None:
            return Layers(layers=(*self.layers, layer))
        return Layers(layers=tuple(layer if o.name == layer.name else o for o in self.layers))


def read(folder: Path) -> Layers:
    """The layers of a campaign's folder; DataError if the file is damaged."""
    path = folder / NAME
    files.hold_no_link(path)
    if not path.exists():
        return Layers()
    content = manifest.signed(path)
    try:
        return Layers.model_validate_json(json.dumps({"layers": content["layers"]}))
    except (ValidationError, KeyError):
        raise DataError(
            f"{path} is of another version; restore it from a backup, or use the one that wrote it"
        ) from None


def write(folder: Path, layers: Layers) -> None:
    """Replace the file whole; only the holder of the lock may."""
    content = {"format": manifest.FORMAT, "kind": "layers", **layers.model_dump(mode="json")}
    files.write_bytes(folder / NAME, manifest.encoded(content))
