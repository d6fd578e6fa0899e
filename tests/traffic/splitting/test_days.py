"""A part's days are its rows over those of a day, whatever weekends, attacks and limits do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from oddwire.params import SplitSettings
from oddwire.traffic.splitting.days import benign_per_day
from oddwire.traffic.splitting.parts import split_rows

START = pd.Timestamp("2026-03-02", tz="UTC")  # a Monday
PARTS = ("train", "calibration", "validation")


def weeks(days=14, working=2000, weekend=600, attacks=0, seed=0):
    """Rows of working days and weekends, and attacks in a burst of one hour."""
    random = np.random.default_rng(seed)
    counts = [weekend if day % 7 >= 5 else working for day in range(days)]
    moments = np.concatenate([day + np.sort(random.random(n)) for day, n in enumerate(counts)])
    burst = 3 + np.sort(random.random(attacks)) / 24
    labels = np.repeat([0, 1], [len(moments), attacks])
    moments = np.append(moments, burst)
    order = np.argsort(moments, kind="stable")
    ts = START + pd.to_timedelta(moments[order], unit="D")
    return pd.DataFrame({"label": pd.array(labels[order], dtype="Int8"), "ts": ts})


def split(rows, **options):
    return split_rows(rows, None, SplitSettings(**options), seed=3, source="office").summary()


def test_the_parts_before_the_test_stand_for_the_days_before_it():
    found = split(weeks())
    # Three quarters of the rows: a week and 2.8 working days.
    assert sum(found["days"][part] for part in PARTS) == pytest.approx(9.8, abs=0.05)
    assert found["days"]["calibration"] == pytest.approx(
        found["calibration"]["rows"] / found["benign_per_day"]
    )


def test_attacks_are_no_days():
    quiet, attacked = split(weeks()), split(weeks(attacks=9000))
    assert attacked["benign_per_day"] == pytest.approx(quiet["benign_per_day"], rel=0.1)
    before = [sum(found["days"][part] for part in PARTS) for found in (quiet, attacked)]
    # A burst moves where the test part begins, and so how long what is before it lasts.
    assert attacked["days"]["validation"] / before[1] == pytest.approx(0.2, abs=0.01)


def test_rows_without_a_time_make_no_further_days():
    rows = weeks()
    rows.loc[np.random.default_rng(0).random(len(rows)) < 0.3, "ts"] = pd.NaT
    found = split(rows)
    # They come first, and so train.
    times = rows["ts"].dropna().iloc[: -found["test"]["rows"]]
    days = (times.max() - times.min()) / pd.Timedelta(days=1)
    assert sum(found["days"][part] for part in PARTS) == pytest.approx(days)


def test_left_out_rows_leave_days_out():
    every, few = split(weeks()), split(weeks(), max_rows=5000)
    assert few["benign_per_day"] == every["benign_per_day"]
    share = few["calibration"]["rows"] / every["calibration"]["rows"]
    assert few["days"]["calibration"] == pytest.approx(share * every["days"]["calibration"])


def test_rows_of_unknown_label_are_traffic_but_no_calibration():
    rows = weeks()
    rows.loc[np.random.default_rng(0).random(len(rows)) < 0.5, "label"] = pd.NA
    known, half = split(weeks()), split(rows)
    assert half["benign_per_day"] == pytest.approx(known["benign_per_day"], rel=0.02)
    assert half["days"]["calibration"] == pytest.approx(known["days"]["calibration"] / 2, rel=0.05)


def test_a_month_without_records_is_no_month_of_traffic():
    rows = weeks(days=10, weekend=2000)
    rows["ts"] += pd.to_timedelta(np.where(rows["ts"] > START + pd.Timedelta(days=5), 30, 0), "D")
    assert benign_per_day(rows) == pytest.approx(20_000 / 11, rel=0.01)


@pytest.mark.parametrize("times", [None, [pd.NaT] * 300, [START] * 300])
def test_without_times_there_are_no_days(times):
    rows = pd.DataFrame({"label": pd.array([0] * 300, dtype="Int8")})
    if times is not None:
        rows["ts"] = pd.to_datetime(pd.Series(times), utc=True)
    assert benign_per_day(rows) is None
    assert set(split(rows)["days"].values()) == {None}
