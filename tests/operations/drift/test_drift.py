"""The drift check: silent on what is normal, loud on what is not, and safe to look at."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from oddwire.errors import DataError
from oddwire.operations.drift.columns import SCORE
from oddwire.operations.drift.report import check_drift
from oddwire.params import DriftSettings, SimulatedSource
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES, connection_features
from oddwire.traffic.schema import FeatureSchema
from oddwire.traffic.sources.simulated import simulate

SETTINGS = DriftSettings()
COLUMNS = 20
SCHEMA = FeatureSchema(tuple(f"f{i}" for i in range(COLUMNS)), ("service",))


def heavy_tailed(rows: int, *, seed: int, doubled: int = 0) -> pd.DataFrame:
    """Log-normal columns, of which the first few are doubled, and a category."""
    rng = np.random.default_rng(seed)
    numbers = np.exp(rng.normal(5, 1.5, (rows, COLUMNS)))
    numbers[:, :doubled] *= 2
    frame = pd.DataFrame(numbers, columns=list(SCHEMA.numeric))
    return frame.assign(service=rng.choice(["http", "dns", "ssh"], rows, p=[0.6, 0.3, 0.1]))


def check(reference: pd.DataFrame, current: pd.DataFrame, **options):
    options = {"settings": SETTINGS, "seed": 0} | options
    return check_drift(reference, current, options.pop("schema", SCHEMA), **options)


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return heavy_tailed(8000, seed=1)


def test_rows_of_the_same_traffic_do_not_drift(reference):
    alarms = [check(reference, heavy_tailed(2500, seed=s), seed=s).drifted for s in range(2, 14)]
    assert sum(alarms) == 0


def test_rows_of_the_same_traffic_stay_below_thresholds_without_room_for_attacks(
    reference, monkeypatch
):
    """The calibration itself holds the rate: of 30 checks at 5 % hardly 7 alarm."""
    monkeypatch.setattr("oddwire.operations.drift.report.ROOM", 0.0)
    settings = DriftSettings(false_alarm_rate=0.05)
    alarms = [
        check(reference, heavy_tailed(2500, seed=s), settings=settings, seed=s).drifted
        for s in range(100, 130)
    ]
    assert sum(alarms) < 7


def test_doubled_columns_are_found_and_named(reference):
    found = check(reference, heavy_tailed(2500, seed=2, doubled=5))
    assert found.drifted
    assert {one.column for one in found.columns if one.drifted} == {f"f{i}" for i in range(5)}
    assert found.share == pytest.approx(5 / 21)
    assert found.verdict.startswith("Drift: 5 of 21 columns")
    assert found.to_frame().column[0] in found.verdict


def test_too_few_drifted_columns_are_told_but_are_no_verdict(reference):
    current = heavy_tailed(2500, seed=2)
    found = check(reference, current.assign(f0=current.f0 * 1.6))
    assert not found.drifted
    assert "f0" in found.verdict
    assert found.verdict.startswith("No drift: only 1 of 21")


def test_one_column_that_moves_far_is_drift_alone(reference):
    current = heavy_tailed(2500, seed=2)
    found = check(reference, current.assign(f0=current.f0 * 10))
    assert found.drifted
    assert [one.column for one in found.columns if one.drifted] == ["f0"]


def test_anomaly_scores_decide_alone(reference):
    rng = np.random.default_rng(0)
    scores = {"reference_scores": np.exp(rng.normal(size=8000))}
    same = check(
        reference,
        heavy_tailed(2500, seed=3),
        **scores,
        current_scores=np.exp(rng.normal(size=2500)),
    )
    moved = check(
        reference,
        heavy_tailed(2500, seed=3),
        **scores,
        current_scores=np.exp(rng.normal(0.7, 1, size=2500)),
    )
    assert not same.drifted
    assert moved.drifted
    assert [one.column for one in moved.columns if one.drifted] == [SCORE]
    assert "anomaly score" in moved.verdict


def test_attacks_that_stand_out_are_no_drift(reference):
    """Eight in a hundred connections are a scan: every column moves by that much, as it should."""
    rng = np.random.default_rng(0)
    current = heavy_tailed(2500, seed=4)
    attack = rng.random(2500) < 0.08
    current.loc[attack, list(SCHEMA.numeric)] = 0.0
    scores = rng.normal(size=2500) + np.where(attack, 10, 0)
    options = {"reference_scores": rng.normal(size=8000), "current_scores": scores}
    assert not check(reference, current, **options).drifted
    unexplained = options | {"current_scores": rng.normal(size=2500)}
    assert check(reference, current, **unexplained).drifted


def test_a_sensor_that_falls_silent_is_drift(reference):
    current = heavy_tailed(2500, seed=2)
    current.loc[::3, ["f0", "f1", "f2"]] = np.nan
    found = check(reference, current)
    assert found.drifted
    assert {one.column for one in found.columns if one.drifted} == {"f0", "f1", "f2"}
    silent = check(reference, current.assign(f0=np.nan, f1=np.inf, f2=-np.inf))
    assert [one.statistic for one in silent.columns[:3]] == pytest.approx([1, 1, 1], abs=0.01)


def test_categories_never_seen_before_are_drift(reference):
    current = heavy_tailed(2500, seed=2)
    current.loc[::5, "service"] = [f"new-{i}" for i in range(500)]
    found = {one.column: one for one in check(reference, current).columns}["service"]
    assert found.drifted
    assert found.statistic == pytest.approx(0.2, abs=0.03)


def test_missing_categories_and_one_value_columns_are_compared(reference):
    before = reference.assign(f0=1.0, service=reference.service.where(reference.service != "ssh"))
    same = check(before, before.sample(2500, random_state=0))
    assert not same.drifted
    gone = check(before, before.assign(service=None, f0=2.0))
    assert {one.column for one in gone.columns if one.drifted} == {"service", "f0"}


def test_the_same_seed_gives_the_same_check(reference):
    current = heavy_tailed(2500, seed=2, doubled=2)
    assert check(reference, current) == check(reference, current)


def test_the_verdict_does_not_hang_on_the_number_of_rows(reference):
    """Ten times the rows move no statistic beyond its threshold: samples have a fixed size."""
    many = check(heavy_tailed(60_000, seed=5), heavy_tailed(40_000, seed=6))
    assert not many.drifted
    assert (many.reference_rows, many.current_rows) == (8000, 2000)
    few = check(reference, heavy_tailed(60, seed=7))
    assert not few.drifted
    assert few.current_rows == 60


def test_a_check_becomes_plain_json(reference):
    found = check(reference, heavy_tailed(2500, seed=2, doubled=3))
    content = json.loads(json.dumps(found.to_dict()))
    assert content["drifted"] is True
    assert len(content["columns"]) == 21
    excess = [one["statistic"] - one["threshold"] for one in content["columns"]]
    assert excess == sorted(excess, reverse=True)


@pytest.mark.parametrize(
    ("side", "change", "words"),
    [
        ("reference", lambda f: f.head(49), "the reference rows must be at least 50"),
        ("current", lambda f: f.head(0), "the current rows must be at least 50"),
        ("current", lambda f: f.drop(columns="f3"), "must have the column 'f3'"),
        ("current", lambda f: f.assign(f3="many"), "'f3' must hold numbers"),
    ],
)
def test_rows_that_cannot_be_compared_are_an_error(reference, side, change, words):
    sides = {"reference": reference, "current": reference}
    sides[side] = change(sides[side])
    with pytest.raises(DataError, match=re.escape(words)):
        check(**sides)


def test_scores_must_fit_the_rows(reference):
    with pytest.raises(DataError, match="for both sides"):
        check(reference, reference, reference_scores=np.zeros(8000))
    with pytest.raises(DataError, match="8000 rows but 5 anomaly scores"):
        check(reference, reference, reference_scores=np.zeros(5), current_scores=np.zeros(8000))
    schema = FeatureSchema(("f0", SCORE))
    with pytest.raises(DataError, match="must not be called 'anomaly_score'"):
        check(
            reference.assign(anomaly_score=1.0),
            reference.assign(anomaly_score=1.0),
            schema=schema,
            reference_scores=np.zeros(8000),
            current_scores=np.zeros(8000),
        )


def office_days(first, days, *, zone, free, seed, service: float = 0.0) -> pd.DataFrame:
    """Days of an office on the clock of a zone: by day its people, else machines alone.

    ``service`` is the share of all connections that a new service takes.
    """
    rng = np.random.default_rng(seed)
    local = pd.Timestamp(first) + pd.to_timedelta(np.arange(24 * days).repeat(60), unit="h")
    local += pd.to_timedelta(np.sort(rng.integers(0, 3600, len(local))) % 3600, unit="s")
    busy = local.hour.isin(range(8, 18)) & ~local.weekday.isin(free)
    people = (rng.random(len(local)) < np.where(busy, 0.8, 0.08))[:, None]
    new = (rng.random(len(local)) < service)[:, None]
    numbers = np.exp(rng.normal(0, 1, (len(local), COLUMNS)) + 3 * people + 6 * new)
    utc = local.tz_localize(zone, ambiguous=True, nonexistent="shift_forward").tz_convert("UTC")
    names = np.where(people.ravel(), "http", "dns")
    frame = pd.DataFrame(numbers, columns=list(SCHEMA.numeric))
    return frame.assign(service=np.where(new.ravel(), "ssh", names), ts=utc)


@pytest.mark.parametrize(
    ("zone", "free"),
    [
        ("Europe/Berlin", (5, 6)),
        ("America/Los_Angeles", (5, 6)),
        ("Asia/Riyadh", (4, 5)),
        ("Asia/Kathmandu", (5,)),
    ],
)
def test_the_verdict_holds_in_other_zones_and_weeks(zone, free):
    where = {"zone": zone, "free": free}
    before = office_days("2026-01-05", 21, **where, seed=1)
    for day in range(7):
        first = pd.Timestamp("2026-01-26") + pd.Timedelta(days=day)
        same = check(before, office_days(first, 1, **where, seed=2 + day))
        assert same.method == "like hours (day and hour)"
        assert not same.drifted, same.verdict
        changed = check(before, office_days(first, 1, **where, seed=2 + day, service=0.2))
        assert changed.drifted, changed.verdict


def test_a_morning_after_a_change_of_clocks_is_no_drift_where_the_zone_is_known():
    where = {"zone": "Europe/Berlin", "free": (5, 6)}
    before = office_days("2026-03-02", 21, **where, seed=1)

    def morning(**change):
        day = office_days("2026-03-30", 1, **where, seed=2, **change)
        hour = day["ts"].dt.tz_convert("Europe/Berlin").dt.hour
        return day[hour.isin(range(7, 10))]

    in_berlin = DriftSettings(zone="Europe/Berlin")
    assert check(before, morning()).drifted
    assert not check(before, morning(), settings=in_berlin).drifted
    assert check(before, morning(service=0.4), settings=in_berlin).drifted


def test_a_gap_and_an_odd_day_of_the_reference_do_not_blind_the_check():
    where = {"zone": "UTC", "free": (5, 6)}
    before = office_days("2026-01-05", 21, **where, seed=1)
    day = (before["ts"] - before["ts"].min()).dt.days
    odd = day == 8
    before.loc[odd, list(SCHEMA.numeric)] *= np.exp(0.5)
    gap = (day == 15) & (before["ts"].dt.hour < 20)
    before = before[~gap]
    same = check(before, office_days("2026-01-27", 1, **where, seed=2))
    changed = check(before, office_days("2026-01-27", 1, **where, seed=2, service=0.3))
    assert not same.drifted
    assert changed.drifted
    assert np.median([one.threshold for one in same.columns]) < 0.3


def test_rows_that_the_model_was_fitted_to_need_no_score(reference):
    rng = np.random.default_rng(0)
    scores = np.where(rng.random(8000) < 0.4, rng.normal(size=8000), np.nan)
    current = heavy_tailed(2500, seed=3)
    same = check(reference, current, reference_scores=scores, current_scores=rng.normal(size=2500))
    moved = check(
        reference, current, reference_scores=scores, current_scores=rng.normal(1, 1, size=2500)
    )
    assert not same.drifted
    assert [one.column for one in moved.columns if one.drifted] == [SCORE]
    assert not same.reference[SCORE].isna().any()
    scores[49:] = np.nan
    with pytest.raises(DataError, match="at least 50 rows of the reference must have"):
        check(reference, current, reference_scores=scores, current_scores=np.zeros(2500))


@pytest.mark.slow
@pytest.mark.parametrize(
    "drift", [None, "new_service", "doubled_volume", "broken_sensor", "new_subnet"]
)
def test_a_simulated_day_drifts_when_its_scenario_says_so(drift):
    """With attacks, working days and a weekend in it: only what changed is drift."""
    source = SimulatedSource(
        format="simulated",
        seed=5,
        days=9,
        connections_per_day=5000,
        drift=(drift,) if drift else (),
        drift_from_day=7,
    )
    rows = connection_features(simulate(source))
    day = (rows.ts - rows.ts.iloc[0].floor("D")).dt.days
    found = check(rows[(day < 7) & (rows.label == 0)], rows[day == 8], schema=CONNECTION_FEATURES)
    assert found.method == "like hours (day and hour)"
    assert found.drifted == (drift is not None), found.verdict
