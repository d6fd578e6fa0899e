"""Days of traffic of some sources, and a model that was calibrated on such days."""

from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd

from oddwire.detection.calibration.benign_alarms import BenignAlarms
from oddwire.detection.calibration.units import UnitCalibration
from oddwire.traffic.units import units_of
from oddwire.traffic.units.so_far import UnitsSoFar

SOURCES, SLOTS = 20, 144  # units of ten minutes in a day
A_DAY = SOURCES * SLOTS
TARGET = 30.0
INCIDENTS = "false_incidents_per_day"
BEGIN = pd.Timestamp("2026-03-02", tz="UTC")


def days_of(days, *, seed=0, first=0.0, names=None):
    """Return rows, one of each source in each ten minutes, and their scores."""
    n = round(days * A_DAY)
    place = np.arange(n)
    seconds = first * 86_400 + place // SOURCES * 600.0 + place % SOURCES
    names = names or [f"10.0.0.{number}" for number in range(SOURCES)]
    rows = pd.DataFrame({
        "src_ip": np.array(names, dtype=object)[place % SOURCES],
        "end": BEGIN + pd.to_timedelta(seconds, unit="s"),
    })  # fmt: skip
    return rows, np.random.default_rng(seed).exponential(size=n)


def a_model(target=None, *, days=20, seed=99):
    """Return what is used of a model, calibrated on some days of such traffic."""
    target = target or {INCIDENTS: TARGET}
    _, scores = days_of(days, seed=seed)
    alarms = BenignAlarms.of(scores, units_of(pd.DataFrame({"bytes": np.zeros(len(scores))})))
    units = replace(UnitCalibration.fit(alarms, days=days), kind="source and time")
    ((name, value),) = target.items()
    share = value / A_DAY if name == INCIDENTS else value
    rule = {"target": target, "calibration_alarms": round(share * len(scores))}
    return SimpleNamespace(
        unit_calibration=units, threshold=units.worst.threshold(share), threshold_rule=rule
    )


def taken(rates, rows, scores, *, threshold, at=None):
    """Let rates take rows, in batches that end at some places; each alarm is an incident."""
    units = UnitsSoFar()
    edges = [0, *sorted(at or ()), len(rows)]
    for begin, end in pairwise(edges):
        some, values = rows[begin:end], scores[begin:end]
        so_far = units.update(some, values)
        alerts = values >= threshold
        opened = [
            SimpleNamespace(opened=int(clock), unit=name)
            for clock, name in zip(so_far.clock[alerts], some["src_ip"][alerts], strict=True)
        ]
        rates.take(some, so_far, alerts, opened)
    return rates
