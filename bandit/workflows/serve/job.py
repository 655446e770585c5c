"""A wave on storage that all workers see: what each of them makes the same wave from again."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bandit.core import files
from bandit.core.actions import ActionSpace
from bandit.core.errors import DataError
from bandit.features.spec import FeatureSpec
from bandit.models.posterior import Posterior
from bandit.models.posterior_file import load_posterior, save_posterior
from bandit.record.manifests import Features
from bandit.workflows.serve.hard_caps import Thinning
from bandit.workflows.serve.made_again import campaign_of, made_again, told
from bandit.workflows.serve.serving_model import ServingModel
from bandit.workflows.serve.wave import Wave

BATCHES, PARTS = "batches", "parts"
_WAVE = "wave.json"


class Job(NamedTuple):
    """A ``folder`` of the campaign's, and the digest of the wave that stands in it.

    Nothing in it is pickled: JSON, safetensors, Arrow and plain numpy arrays.
    """

    folder: Path
    digest: str

    @classmethod
    def write(cls, folder: Path, wave: Wave) -> Job:
        """Write a wave at no prices into an empty folder."""
        start = wave.start
        pinned = {v: _kept(folder, one, f"pinned-{v}") for v, one in start.pinned.items()}
        content = {
            **told(wave),
            "wave": wave.run.wave,
            "folder": str(wave.run.campaign.folder),
            "start": _kept(folder, start, "start"),
            "pinned": pinned,
            "content": wave.content,
        }
        text = json.dumps(content, allow_nan=False).encode()
        files.write_bytes(folder / _WAVE, text)
        for name in (BATCHES, PARTS):
            (folder / name).mkdir()
        return cls(folder, hashlib.sha256(text).hexdigest())

    def order(self, name: str, wave: Wave, rule: Thinning | None) -> None:
        """Write at which prices, and by which lots, all batches of a step are decided."""
        arrays: dict[str, Any] = {} if rule is None else rule._asdict()
        np.savez(self._order(name), prices=wave.plan.prices, **arrays)

    def wave(self) -> Wave:
        """The wave again, at no prices; on a worker."""
        return _wave(self)

    def ordered(self, name: str) -> tuple[Wave, Thinning | None]:
        """The wave at those prices, and the lots; on a worker."""
        with np.load(self._order(name), allow_pickle=False) as kept:
            arrays = dict(kept)
        prices = arrays.pop("prices")
        return self.wave().at_prices(prices), Thinning(**arrays) if arrays else None

    def _order(self, name: str) -> Path:
        return self.folder / f"{name}.npz"


@lru_cache(maxsize=1)
def _wave(job: Job) -> Wave:
    """Once a worker: moments are worked out of the sums, as on the driver."""
    text = (job.folder / _WAVE).read_bytes()
    content: dict[str, Any] = json.loads(text)
    if hashlib.sha256(text).hexdigest() != job.digest:
        raise _changed(job)
    pinned = {version: _model(job, one) for version, one in content["pinned"].items()}
    start = _model(job, content["start"])._replace(pinned=pinned)
    campaign = campaign_of(Path(content["folder"]), content)
    wave = made_again(campaign, content, content["wave"], start)
    if wave.content != content["content"]:
        raise RuntimeError(f"{job.folder}: a worker made another wave of what it was told")
    return wave


def _kept(folder: Path, start: ServingModel, name: str) -> dict[str, Any]:
    """A model in files, and what else makes it again; fit for JSON."""
    written = {}
    for kind, sums in (("sums", start.posterior), ("odds", start.odds)):
        if sums is not None:
            path = folder / f"{name}-{kind}.safetensors"
            save_posterior(path, sums)
            written[kind] = path.name, files.sha256(path)
    return {
        "version": start.version,
        "parent": start.parent,
        "actions": start.actions.pairs,
        "model": start.model,
        "kinds": start.kinds,
        "features": start.features.model_dump(mode="json"),
        **written,
    }


def _model(job: Job, kept: dict[str, Any]) -> ServingModel:
    features = Features(**kept["features"])
    return ServingModel(
        version=kept["version"],
        parent=kept["parent"],
        actions=ActionSpace.of_pairs(kept["actions"]),
        posterior=_sums(job, *kept["sums"]),
        model=kept["model"],
        spec=FeatureSpec.from_json(features.spec),
        features=features,
        is_new=False,
        notes=[],
        kinds=kept["kinds"],
        odds=_sums(job, *kept["odds"]) if "odds" in kept else None,
    )


def _sums(job: Job, name: str, digest: str) -> Posterior:
    found = load_posterior(job.folder / name)
    if files.sha256(job.folder / name) != digest or not isinstance(found, Posterior):
        raise _changed(job)
    return found


def _changed(job: Job) -> DataError:
    return DataError(f"{job.folder} changed while workers read it; run the command again")
