"""`bandit experiment test-send`: what our own people would get in each arm, and nobody else."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv

from bandit.config import campaign_file
from bandit.config import experiment as config
from bandit.config.campaign import Campaign
from bandit.config.experiment import Arm, Experiment
from bandit.core import files
from bandit.core.days import acting_at
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import SILENT, Progress
from bandit.record import exports, layers, lock
from bandit.record.exports import TEST_COLUMNS, TESTS, inert
from bandit.record.manifests import Served
from bandit.results.experiment import InsiderLists
from bandit.sources import customers, database
from bandit.sources.catalogue import Catalogue, load_catalogue
from bandit.sources.database import Database
from bandit.workflows.experiment.start import hold_possible
from bandit.workflows.serve import decide, pinned, prepare
from bandit.workflows.serve.contact_history import ContactHistory
from bandit.workflows.serve.serving_model import ServingModel, serving_model
from bandit.workflows.serve.wave import Run, Wave

WAVE = "test-send"


def send_test(
    campaign_path: Path, *, name: str, at: dt.datetime | None = None, progress: Progress = SILENT
) -> InsiderLists:
    """Write one list a channel for the people of [insiders], as each arm would decide for them.

    Rules, consents and refusals are asked as for anybody, contacts that waves made are not: a test
    may follow another. Nothing of it is a decision: it stands in
    no wave, so that nothing is learned from it, it counts for no pressure and in no comparison.
    """
    campaign = campaign_file.load(campaign_path)
    asked = config.load(campaign.folder, name)
    now = acting_at(at, campaign.time_zone)
    if campaign.insiders is None:
        raise ConfigError(
            f"{campaign.folder / campaign.file} has no [insiders]; name your own people there:"
            ' customers = ["17", "24"]'
        )
    hold_possible(campaign, asked, name, now)
    keys = [str(key) for key in campaign.insiders.customers]
    progress.step("deciding for insiders")
    rows: dict[str, list[dict[str, object]]] = {}
    arms: Counter[str] = Counter()
    past = ContactHistory.of(campaign, now, WAVE)
    with database.connect(campaign, at=now, extra_files=past.files) as data:
        catalogue = load_catalogue(campaign, data)
        model = pinned.beside(
            campaign, serving_model(campaign, data, None, now), [_served(campaign, name, asked)]
        )
        people = [_insider(data, campaign, catalogue, key, past, now) for key in keys]
        kind = customers.customer_type(data, campaign)
        for arm in asked.arm:
            wave = _wave(campaign, catalogue, model, kind, asked, name, arm, now)
            for one in people:
                for row, channel in _decided(wave, one, arm.name):
                    rows.setdefault(channel, []).append(row)
                    arms[arm.name] += 1
    folder = campaign.folder / TESTS / name
    with lock.hold(campaign.folder, "experiment test-send"):
        _write(folder, rows, [c.name for c in catalogue.channels])
    return InsiderLists(
        experiment=name,
        folder=folder,
        insiders=len(keys),
        lists={channel: len(found) for channel, found in rows.items()},
        arms={arm.name: arms[arm.name] for arm in asked.arm},
        notes=["for a test alone: nothing of it is recorded, learned from or counted"],
    )


def _insider(
    data: Database,
    campaign: Campaign,
    catalogue: Catalogue,
    key: str,
    past: ContactHistory,
    at: dt.datetime,
) -> customers.CustomerRows:
    """One of our own people, refused what they refused, by an event of a wave's contact too."""
    one = customers.lookup(data, campaign, catalogue, key, at=at, back=False)
    if not past.refusals:
        return one
    refused = customers.lookup(
        data, campaign, catalogue, key, at=at, record_contacts=past.contacts,
        withheld=past.withheld, refusals=past.refusals, back=False,
    )  # fmt: skip
    return one._replace(refusals=refused.refusals)


def _wave(
    campaign: Campaign,
    catalogue: Catalogue,
    model: ServingModel,
    kind: pa.DataType,
    asked: Experiment,
    name: str,
    arm: Arm,
    at: dt.datetime,
) -> Wave:
    """A wave of one arm for everybody, without a holdout."""
    # An experiment of one arm is none, but here it stands alone.
    alone = asked.model_copy(update={"arm": (arm.model_copy(update={"share": 1.0}),)})
    served = _served(campaign, name, asked).model_copy(update={"experiment": alone})
    policy = campaign.policy.model_copy(update={"holdout": 0.0})
    open_ = campaign.model_copy(update={"policy": policy})
    run = Run(open_, WAVE, at, campaign.seed, dry_run=True, experiments=(served,))
    return Wave.of(run, catalogue, model, kind)


def _served(campaign: Campaign, name: str, asked: Experiment) -> Served:
    """The experiment with nobody in it; by the snapshots that it started with, if it did."""
    known = layers.read(campaign.folder).of_experiment(name)
    return Served(
        name=name,
        digest=asked.digest,
        seed=0,
        ranges=(),
        known=False,
        experiment=asked,
        pinned={} if known is None else known[1].pinned,
    )


def _decided(
    wave: Wave, one: customers.CustomerRows, arm: str
) -> Iterator[tuple[dict[str, object], str]]:
    """An insider's contacts and ranks in an arm, with the list that each is for."""
    within = np.ones((len(one.ids), 1), dtype=np.bool_)
    batch = prepare.prepare(wave, one._replace(within=within))[0]
    batch = batch._replace(experiment=np.zeros(len(batch.ids), np.int16))
    for taken in decide.fill(wave, batch):
        for row, action in zip(taken.rows.tolist(), taken.choice.action.tolist(), strict=True):
            if action:
                offer, channel = wave.plan.space.pairs[action - 1]
                yield (
                    {
                        "test": "test",
                        "arm": arm,
                        "customer_id": str(batch.ids[row]),
                        "offer": offer,
                        "priority": str(taken.slot),
                        "decision_id": "test",
                    },
                    channel,
                )


def _write(folder: Path, rows: dict[str, list[dict[str, object]]], channels: list[str]) -> None:
    """One CSV a channel, in place of those of the last test."""
    schema = pa.schema([(column, pa.string()) for column in TEST_COLUMNS])
    with files.aside(folder) as partial:
        for channel in channels:
            table = pa.Table.from_pylist(rows.get(channel, []), schema=schema)
            with pcsv.CSVWriter(partial / f"{channel}.csv", schema) as writer:
                for batch in table.to_batches():
                    writer.write_batch(inert(batch))
        exports.remove_test(folder)
        if folder.exists():
            raise DataError(
                f"{folder} holds files that are no lists of a test; move them: it is replaced"
            )
        files.put_in_place((partial, folder))
