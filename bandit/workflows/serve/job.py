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
_WAVE, _SUMS, _ODDS = "wave.json", "sums.safetensors", "odds.safetensors"


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
        save_posterior(folder / _SUMS, start.posterior)
        if start.odds is not None:
            save_posterior(folder / _ODDS, start.odds)
        content = {
            **told(wave),
            "wave": wave.run.wave,
            "folder": str(wave.run.campaign.folder),
            "version": start.version,
            "parent": start.parent,
            "actions": start.actions.pairs,
            "model": start.model,
            "kinds": start.kinds,
            "features": start.features.model_dump(mode="json"),
            "sums": files.sha256(folder / _SUMS),
            "odds": None if start.odds is None else files.sha256(folder / _ODDS),
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
    features = Features(**content["features"])
    start = ServingModel(
        version=content["version"],
        parent=content["parent"],
        actions=ActionSpace.of_pairs(content["actions"]),
        posterior=_sums(job, _SUMS, content["sums"]),
        model=content["model"],
        spec=FeatureSpec.from_json(features.spec),
        features=features,
        is_new=False,
        notes=[],
        kinds=content["kinds"],
        odds=None if content["odds"] is None else _sums(job, _ODDS, content["odds"]),
    )
    campaign = campaign_of(Path(content["folder"]), content)
    wave = made_again(campaign, content, content["wave"], start)
    if wave.content != content["content"]:
        raise RuntimeError(f"{job.folder}: a worker made another wave of what it was told")
    return wave


def _sums(job: Job, name: str, digest: str) -> Posterior:
    found = load_posterior(job.folder / name)
    if files.sha256(job.folder / name) != digest or not isinstance(found, Posterior):
        raise _changed(job)
    return found


def _changed(job: Job) -> DataError:
    return DataError(f"{job.folder} changed while workers read it; run the command again")
