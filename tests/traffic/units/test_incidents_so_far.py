"""Incidents of rows that come in batches are those of all rows at once, in bounded memory."""

from itertools import pairwise

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.traffic.units import incidents_so_far, units_of
from oddwire.traffic.units.incidents_so_far import IncidentsSoFar


def rows(seed, *, sources=8, n=400, seconds=9000):
    random = np.random.default_rng(seed)
    times = np.sort(random.integers(0, seconds, n))
    names = random.choice([f"10.0.0.{number}" for number in range(sources)], n)
    frame = pd.DataFrame({
        "end": pd.to_datetime(times, unit="s", utc=True),
        "src_ip": pd.array(names, dtype="string"),
    })  # fmt: skip
    return frame, random.random(n) < 0.2


def counted(frame, alerts, cuts, *, saved=False):
    clock, incidents = units_of(frame).clock, IncidentsSoFar(10)
    count = 0
    for begin, end in pairwise([0, *sorted(cuts), len(frame)]):
        incidents.update(frame[begin:end], alerts[begin:end], clock[begin:end])
        if saved:
            count += incidents.count
            incidents = IncidentsSoFar.from_arrays(incidents.to_arrays("a"), "a", 10)
    return count + incidents.count


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 99), cuts=st.lists(st.integers(0, 400), max_size=9), saved=st.booleans())
def test_however_rows_are_cut_or_saved(seed, cuts, saved):
    frame, alerts = rows(seed)
    expected = units_of(frame).incidents(alerts.astype(float), 1.0)
    assert counted(frame, alerts, cuts, saved=saved) == expected > 10


def test_of_too_many_sources_the_oldest_alerts_are_forgotten_however_rows_are_cut(monkeypatch):
    monkeypatch.setattr(incidents_so_far, "_MOST", 20)
    frame, _ = rows(1, sources=60, seconds=600)
    alerts = np.ones(len(frame), dtype=bool)
    expected = counted(frame, alerts, [])
    assert 60 < expected < len(frame)
    assert counted(frame, alerts, range(0, 400, 7), saved=True) == expected


def test_without_sources_an_alert_is_an_incident():
    incidents = IncidentsSoFar(10)
    incidents.update(pd.DataFrame({"bytes": [1, 2, 3]}), np.array([1, 0, 1], bool), np.zeros(3))
    assert incidents.count == 2
