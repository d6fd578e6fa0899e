"""A period of an archive, scored day by day, is the archive scored at once."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from oddwire.errors import DataError, ModelError
from oddwire.operations.registry.versions import Registry
from oddwire.operations.scoring.folders.period import score_period
from oddwire.operations.tracking.store import Tracking
from oddwire.traffic.archive.reading import open_archive
from oddwire.traffic.archive.rows import ROWS_FILE
from oddwire.traffic.features.in_batches import LOOK_BACK, FeaturesInBatches
from oddwire.traffic.units import units_of


@pytest.fixture
def archive(simulated_desk):
    return open_archive(simulated_desk.project.ingested("simulated"))


@pytest.fixture
def at_once(simulated_desk, archive):
    """All rows of the archive and their scores."""
    project = simulated_desk.project
    _, model = Registry.of(Tracking.connect(project), project).load_champion("simulated")
    rows = archive.read("train")
    scores = model.score(FeaturesInBatches("connections", model.schema).of(rows))
    return rows.assign(anomaly_score=scores["anomaly_score"].to_numpy())


def scored(folder):
    files = sorted(folder.glob("*.parquet"))
    return pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)


def same(found, wanted):
    columns = ["uid", "ts", "src_ip", "anomaly_score"]
    pd.testing.assert_frame_equal(
        found[columns], wanted[columns].reset_index(drop=True), check_exact=True
    )


def test_all_days(simulated_desk, archive, at_once, tmp_path):
    told = score_period(simulated_desk.project, "simulated", None, None, tmp_path / "out")
    found = scored(tmp_path / "out")
    same(found, at_once)
    days = sorted(file.stem for file in (tmp_path / "out").glob("*.parquet"))
    assert days[0] == f"{archive.first:%Y-%m-%d}"
    assert (told.parts, told.before, told.rows) == (len(days), 0, len(at_once))
    again = score_period(simulated_desk.project, "simulated", None, None, tmp_path / "out")
    assert (again.before, again.rows, again.alerts) == (len(days), len(at_once), told.alerts)


def test_days_go_on_from_one_to_the_next_in_one_scoring_or_many(simulated_desk, archive, tmp_path):
    """Units, incidents and a threshold that follows drift, after what was killed or lost too."""
    project, out = simulated_desk.project, tmp_path / "days"
    told = score_period(project, "simulated", None, None, tmp_path / "at_once", adaptive=True)
    wanted = scored(tmp_path / "at_once")
    midnight = dt.datetime.combine(archive.first.date(), dt.time(), tzinfo=dt.UTC)
    until = midnight
    while until <= archive.last:
        until += dt.timedelta(days=2)
        score_period(project, "simulated", None, until, out, adaptive=True)
    pd.testing.assert_frame_equal(scored(out), wanted, check_exact=True)
    assert wanted["adaptive_threshold"].nunique() > 2, "it moves"
    for kept in (out / ".before").glob("*.npz"):
        kept.unlink()
    max(out.glob("*.parquet")).unlink()
    again = score_period(project, "simulated", None, None, out, adaptive=True)
    pd.testing.assert_frame_equal(scored(out), wanted, check_exact=True)
    assert (again.incidents, again.adaptive_incidents) == (told.incidents, told.adaptive_incidents)


def test_what_is_told_is_counted_as_over_all_rows(simulated_desk, tmp_path):
    told = score_period(simulated_desk.project, "simulated", None, None, tmp_path / "out")
    found = scored(tmp_path / "out")
    project = simulated_desk.project
    _, model = Registry.of(Tracking.connect(project), project).load_champion("simulated")
    units = units_of(found)
    assert told.incidents == units.incidents(found["anomaly_score"], model.threshold) > 0
    assert told.alerting_units == len(set(units.codes[found["alert"]])) > told.incidents / 10
    worst = found["anomaly_score"].groupby(units.codes).cummax()
    expected = model.unit_calibration.p_values(worst)[0]
    np.testing.assert_array_equal(found["unit_p_value"], expected)


def test_a_period_knows_what_was_before_it(simulated_desk, archive, at_once, tmp_path):
    known = archive.known_at("train")
    # Less than the look-back after the first row: all that was before it is read.
    since = known.iloc[len(known) // 4].to_pydatetime()
    assert since - known.iloc[0] < LOOK_BACK
    until = since + dt.timedelta(hours=7)
    told = score_period(simulated_desk.project, "simulated", since, until, tmp_path / "out")
    wanted = at_once[((known >= since) & (known < until)).to_numpy()]
    assert told.rows == len(wanted) > 0
    same(scored(tmp_path / "out"), wanted)


def test_a_day_that_is_lost_is_scored_again(simulated_desk, at_once, tmp_path):
    score_period(simulated_desk.project, "simulated", None, None, tmp_path / "out")
    lost = sorted((tmp_path / "out").glob("*.parquet"))[1]
    lost.unlink()
    told = score_period(simulated_desk.project, "simulated", None, None, tmp_path / "out")
    assert told.before == told.parts - 1
    same(scored(tmp_path / "out"), at_once)


def test_a_period_without_rows(simulated_desk, tmp_path):
    long_ago = dt.datetime(1999, 1, 1, tzinfo=dt.UTC)
    with pytest.raises(DataError, match="no rows in that period: its own are from"):
        score_period(simulated_desk.project, "simulated", None, long_ago, tmp_path / "out")


def test_hours_do_not_take_the_place_of_other_hours_of_a_day(simulated_desk, archive, tmp_path):
    project, out = simulated_desk.project, tmp_path / "out"
    noon = archive.first.replace(hour=12, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
    hours = [noon + dt.timedelta(hours=number) for number in range(4)]
    score_period(project, "simulated", hours[1], hours[2], out)
    (part,) = out.glob("*.parquet")
    before = part.read_bytes()
    with pytest.raises(DataError, match="not all of that is in the period"):
        score_period(project, "simulated", hours[2], hours[3], out)
    assert part.read_bytes() == before
    # What covers it may; and then the part is no longer that of the one hour.
    told = score_period(project, "simulated", hours[0], hours[3], out)
    assert len(pd.read_parquet(part)) == told.rows
    with pytest.raises(DataError, match="not all of that is in the period"):
        score_period(project, "simulated", hours[1], hours[2], out)
    alone = score_period(project, "simulated", hours[1], hours[2], out, overwrite=True)
    assert len(pd.read_parquet(part)) == alone.rows < told.rows


def test_a_source_that_was_ingested_with_another_unit_since_is_refused(simulated_desk, tmp_path):
    """The champion's p-values of units are of other units."""
    rows = simulated_desk.project.ingested("simulated") / ROWS_FILE
    kept = rows.read_text()
    try:
        rows.write_text(json.dumps(json.loads(kept) | {"unit": ["dst_ip", "service"]}))
        with pytest.raises(ModelError, match=r"by src_ip, .* `unit` is dst_ip, service by now"):
            score_period(simulated_desk.project, "simulated", None, None, tmp_path / "out")
        rows.write_text(json.dumps(json.loads(kept) | {"unit": ["src_ip"]}))  # what it was
        score_period(simulated_desk.project, "simulated", None, None, tmp_path / "out")
    finally:
        rows.write_text(kept)
