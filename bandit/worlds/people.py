"""The generated customers: what the operator's table shows, and the traits that drive response."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from bandit.core.types import Array, Bool, Float64
from bandit.worlds.draws import logistic, uniform

ORIGIN = dt.date(2026, 1, 5)
"""Day 0 of every generated operator; dates in its tables count from here."""

PLANS = ("prepaid", "smart_s", "smart_m", "smart_l", "unlimited")
REGIONS = ("capital", "north", "south", "east", "west", "coast", "lakes", "hills")
DEVICES = ("basic", "mid", "flagship")

_PLAN_FEE_EUR = np.array([8.0, 15.0, 22.0, 32.0, 45.0])
_PLAN_DATA_GB = np.array([2.0, 6.0, 11.0, 18.0, 28.0])
_FIBRE_SHARE = np.array([0.85, 0.5, 0.45, 0.55, 0.4, 0.35, 0.3, 0.2])

TRAITS = (
    "young",
    "data",
    "voice",
    "roaming",
    "old_device",
    "contract_near",
    "family",
    "fibre",
    "wealth",
    "digital",
    "opens",
    "hidden",
)


class People(NamedTuple):
    """Customers by id: `columns` as the operator sees them, `traits` float64[n, t] as they are.

    ``region`` int[n]; ``sensitivity`` float64[n], how soon a contact annoys.
    """

    ids: Array
    columns: dict[str, pa.Array]
    traits: Float64
    region: Array
    sensitivity: Float64


def people(ids: Array, seed: int) -> People:
    """Customers number `ids`, each derived from the seed and its id alone."""
    ids = np.asarray(ids, dtype=np.int64)
    n = len(ids)

    def u(stream: str) -> Float64:
        return uniform(seed, stream, ids)

    def bell(stream: str) -> Float64:
        return logistic(seed, stream, ids)

    age = np.floor(18 + 64 * u("age") ** 1.25)
    young = (48.0 - age) / 18.0
    level = bell("level")
    plan = np.digitize(level + 0.2 * young, (-0.9, -0.2, 0.6, 1.3))
    region = np.floor(len(REGIONS) * u("region") ** 1.5).astype(np.int64)
    device = np.digitize(0.6 * level + 0.8 * bell("device"), (-0.6, 0.7))
    arpu = np.round(_PLAN_FEE_EUR[plan] * np.exp(0.12 * bell("arpu")), 2)
    data = np.round(_PLAN_DATA_GB[plan] * np.exp(0.25 * bell("data") + 0.12 * young), 1)
    voice = np.floor(140 * np.exp(0.45 * np.clip(bell("voice"), -3, 3) - 0.25 * young))
    roaming = np.floor(np.clip(3.0 * level + 5.0 * bell("roaming"), 0, 40))
    tenure = np.floor(np.clip(-55 * np.log(u("tenure")), 1, 240))
    household = 1 + np.floor(np.clip(1.4 + 1.1 * bell("household") - 0.3 * np.abs(young), 0, 5))
    device_days = np.floor(np.clip(-420 * np.log(u("device_since")), 5, 2200))
    contract_days = np.floor(720 * u("contract_end"))
    prepaid = plan == 0
    app_days = np.floor(30 / (1 + np.exp(-(1.4 * bell("app") + 0.7 * young))))
    opens = np.round(1 / (1 + np.exp(-(0.9 * bell("opens") - 0.7))), 2)
    fibre_available = u("fibre") < _FIBRE_SHARE[region]
    has_fibre = fibre_available & (u("has_fibre") < 0.3)
    traits = np.column_stack(
        [
            young,
            np.clip((data - 12.0) / 9.0, -1.5, 2.0),
            np.clip((voice - 160.0) / 90.0, -1.5, 2.0),
            np.clip((roaming - 4.0) / 4.5, -1.0, 2.0),
            np.clip((device_days - 400.0) / 380.0, -1.1, 2.0),
            np.where(prepaid, -0.5, np.clip(1.5 - contract_days / 200.0, -1.5, 1.5)),
            (household - 2.4) / 1.2,
            np.where(fibre_available, 0.8, -1.2),
            np.clip((arpu - 22.0) / 11.0, -1.5, 2.0),
            (app_days - 15.0) / 9.0,
            (opens - 0.35) / 0.18,
            bell("hidden"),
        ]
    )
    sensitivity = -0.6 * traits[:, 9] - 0.5 * traits[:, 10] - 0.3 * young + 0.4 * bell("patience")
    columns = {
        "customer_id": pa.array(ids),
        "age": _holes(age.astype(np.int32), u("age_known") < 0.03),
        "tenure_months": pa.array(tenure.astype(np.int32)),
        "plan": _words(PLANS, plan),
        "region": _words(REGIONS, region),
        "device": _words(DEVICES, device),
        "device_since": _days_from_origin(-device_days, np.zeros(n, dtype=np.bool_)),
        "contract_end": _days_from_origin(contract_days, prepaid),
        "arpu_eur": pa.array(arpu),
        "data_gb": pa.array(data),
        "voice_minutes": pa.array(voice.astype(np.int32)),
        "roaming_days": pa.array(roaming.astype(np.int32)),
        "household": pa.array(household.astype(np.int32)),
        "app_days": pa.array(app_days.astype(np.int32)),
        "open_rate": _holes(opens, u("open_rate_known") < 0.05),
        "fibre_available": pa.array(fibre_available),
        "has_fibre": pa.array(has_fibre),
        "has_tv": pa.array(u("has_tv") < 0.25),
    }
    return People(ids, columns, traits, region, sensitivity)


def _holes(values: Array, missing: Bool) -> pa.Array:
    return pa.array(values, mask=missing)


def _words(names: tuple[str, ...], codes: Array) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8)), list(names)).cast(
        pa.string()
    )


def _days_from_origin(days: Float64, missing: Bool) -> pa.Array:
    epoch = (ORIGIN - dt.date(1970, 1, 1)).days
    return pa.array((days + epoch).astype(np.int32), mask=missing).cast(pa.date32())
