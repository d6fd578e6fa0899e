"""A drift check looks at what no check has looked at, once, and in order."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from oddwire.errors import DataError, ParameterError
from oddwire.operations.drift import check as checking
from oddwire.operations.drift.check import check_source
from oddwire.operations.drift.new_traffic.periods import reads_own_rows
from oddwire.params import load_params
from oddwire.params.stage_settings import PeriodSettings
from oddwire.stages.ingest import ingest
from oddwire.stages.link import link

pytestmark = pytest.mark.slow


def checked(desk, *, current_setting="", settings=None, **options):
    params = load_params(desk.project.params_file)
    current = {"desk": current_setting} if current_setting else {}
    drift = params.drift.model_copy(update={"current": current} | (settings or {}))
    return check_source(desk.project, "desk", params.model_copy(update={"drift": drift}), **options)


def checks(desk):
    return desk.tracking.finished_runs("desk", "drift")


def names_of(result):
    return [one.current for one in (*result.earlier, result)]


@pytest.fixture
def incoming(bare, train, make_rows):
    """A trained project, and a function that brings in a file of new rows."""
    desk = train()

    def bring(name, *, seed, factor=1.0, rows=300):
        file = bare.root / "incoming" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        new = make_rows(rows, seed=seed, attacks=0).drop(columns=["label", "attack"])
        new.assign(src_bytes=new["src_bytes"] * factor).to_csv(file, index=False)
        return file

    return desk, bring


def test_new_files_are_looked_at_once_each_and_in_order(incoming):
    desk, bring = incoming
    files = {"current_setting": "incoming/*.csv"}
    with pytest.raises(DataError, match=r"drift\.current of desk: .*matches no file"):
        checked(desk, **files)
    bring("day-2.csv", seed=12)
    bring("day-1.csv", seed=11)
    first = checked(desk, **files)
    assert names_of(first) == ["day-1.csv", "day-2.csv"]
    assert not first.already_checked
    again = checked(desk, **files)
    assert names_of(again) == ["day-2.csv"]
    assert again.already_checked
    assert (again.run_id, again.report) == (first.run_id, first.report)
    assert again.check.to_dict() == first.check.to_dict()
    assert again.subject == first.subject
    drifted = bring("day-3.csv", seed=13, factor=50)
    shutil.copy(drifted, drifted.with_name("day-4.csv"))
    third = checked(desk, **files)
    assert names_of(third)[0] == "day-3.csv"
    assert third.drifted
    assert len(checks(desk)) == 3 == len({run.info.run_name for run in checks(desk)})


def test_a_file_that_cannot_be_read_does_not_keep_others_from_being_checked(incoming, monkeypatch):
    desk, bring = incoming
    bring("a.csv", seed=11)
    bring("c.csv", seed=12)
    (desk.project.root / "incoming" / "b.csv").write_text("what,is,this\n1,2,3\n")
    monkeypatch.setattr(checking, "MOST_PERIODS", 2)
    result = checked(desk, current_setting="incoming")
    assert names_of(result) == ["a.csv", "c.csv"]
    assert result.waiting == 0
    (refused,) = result.refused
    assert "b.csv" in refused
    assert refused in " ".join(result.remarks)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file that opens but not reads")
def test_nor_does_a_file_whose_bytes_cannot_be_read(incoming):
    desk, bring = incoming
    bring("a.csv", seed=11)
    (desk.project.root / "incoming" / "b.csv").symlink_to("/proc/self/mem")
    result = checked(desk, current_setting="incoming")
    assert names_of(result) == ["a.csv"]
    (refused,) = result.refused
    assert "b.csv cannot be read" in refused


def test_more_periods_than_one_check_can_take_are_left_for_the_next(incoming, monkeypatch):
    desk, bring = incoming
    monkeypatch.setattr(checking, "MOST_PERIODS", 2)
    for number in range(3):
        bring(f"{number}.csv", seed=20 + number)
    first = checked(desk, current_setting="incoming")
    assert (names_of(first), first.waiting) == (["0.csv", "1.csv"], 1)
    second = checked(desk, current_setting="incoming")
    assert (names_of(second), second.waiting) == (["2.csv"], 0)


def test_each_verdict_is_told_once_before_it_counts_as_checked(incoming):
    """A crash in the middle leaves no verdict untold: what was told last is checked again."""
    desk, bring = incoming
    bring("a.csv", seed=11)
    bring("b.csv", seed=12, factor=50)
    told = []

    def tell(result):
        told.append((result.current, result.drifted))
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checked(desk, current_setting="incoming", tell=tell)
    assert told == [("a.csv", False), ("b.csv", True)]
    assert names_of(checked(desk, current_setting="incoming", tell=tell)) == ["b.csv"]
    assert told[2:] == [("b.csv", True)]
    checked(desk, current_setting="incoming", tell=tell)
    assert len(told) == 3, "a verdict of before is not told again"


def test_equal_names_of_two_folders_share_nothing(incoming):
    desk, bring = incoming
    results = [
        checked(desk, current=str(bring(name, seed=seed)))
        for seed, name in enumerate(["north/данные.csv", "south/данные.csv", "south/трафик.csv"])
    ]
    assert len({result.run_id for result in results}) == 3
    assert len({result.report for result in results}) == 3
    assert [Path(result.report).is_file() for result in results] == [True] * 3
    run_names = {run.info.run_name for run in checks(desk)}
    assert len(run_names) == 3
    assert any("данные.csv" in name and name.endswith("(2)") for name in run_names)
    assert any("трафик.csv" in name for name in run_names)


def test_another_setting_or_model_makes_it_another_check(incoming):
    desk, bring = incoming
    file = str(bring("a.csv", seed=11))
    first = checked(desk, current=file)
    assert checked(desk, current=file).run_id == first.run_id
    strict = {"settings": {"false_alarm_rate": 0.2}}
    assert checked(desk, current=file, **strict).run_id != first.run_id
    scheduled = {"settings": {"schedule": "0 7 * * *"}}
    assert checked(desk, current=file, **scheduled).run_id == first.run_id


def test_what_is_kept_says_which_file_and_when(incoming):
    desk, bring = incoming
    file = bring("a.csv", seed=11)
    result = checked(desk, current=str(file))
    run = desk.tracking.client.get_run(result.run_id)
    tags = run.data.tags
    assert tags["current_file"] == str(file)
    written = dt.datetime.fromtimestamp(int(file.stat().st_mtime), dt.UTC)
    assert tags["period_end"] == written.isoformat()
    assert run.info.run_name == f"no drift 0/5 · a.csv · {written:%Y-%m-%d}"
    figures = run.data.metrics
    assert figures["period_rows"] == 300
    assert figures["alert_rate"] == result.subject.alert_rate
    score = next(one for one in result.check.columns if one.kind == "score")
    assert figures["score_distance"] == score.statistic
    plain = json.loads(json.dumps(result.to_dict()))
    assert (plain["file"], plain["already_checked"]) == (str(file), False)


@pytest.fixture
def timed(bare, train):
    """A trained project of a table with times, and a function that appends days to it."""
    params = yaml.safe_load(bare.params_file.read_text())
    params["sources"]["desk"] |= {"time": "seen"}
    bare.params_file.write_text(yaml.safe_dump(params))
    file = bare.root / "rows.csv"
    days(range(8)).to_csv(file, index=False)
    desk = train()

    def append(numbers):
        before = pd.read_csv(file, float_precision="round_trip")
        pd.concat([before, days(numbers)]).to_csv(file, index=False)
        for stage in (link, ingest):
            stage(bare, "desk")

    return desk, append


def days(numbers):
    parts = []
    for number in numbers:
        rng = np.random.default_rng(number)
        start = pd.Timestamp("2026-03-02", tz="UTC") + pd.Timedelta(days=number)
        attack = rng.random(100) < 0.1
        parts.append(pd.DataFrame({
            "seen": start + pd.to_timedelta(np.sort(rng.integers(86_400, size=100)), unit="s"),
            "src_bytes": rng.lognormal(5, 1, 100) * np.where(attack, 500, 1),
            "duration": rng.exponential(2, 100),
            "proto": np.where(rng.random(100) < 0.7, "tcp", "udp"),
            "label": attack.astype(int),
            "attack": np.where(attack, "flood", ""),
        }))  # fmt: skip
    return pd.concat(parts)


def test_days_since_the_last_check_are_caught_up_on_once_and_in_order(timed):
    desk, append = timed
    first = checked(desk)
    assert names_of(first) == ["2026-03-09"]
    append([8, 9, 10])
    second = checked(desk)
    assert names_of(second) == ["2026-03-10", "2026-03-11", "2026-03-12"]
    third = checked(desk)
    assert third.already_checked
    assert third.run_id == second.run_id
    assert len(checks(desk)) == 4
    run = desk.tracking.client.get_run(second.run_id)
    (metric,) = desk.tracking.client.get_metric_history(second.run_id, "alert_rate")
    end = dt.datetime(2026, 3, 13, tzinfo=dt.UTC)
    assert metric.timestamp == end.timestamp() * 1000
    assert run.data.tags["period_end"] == end.isoformat()
    assert second.subject.rows == 100


def test_a_period_that_is_asked_for_is_looked_at_and_leaves_the_next_days_to_come(timed):
    desk, append = timed
    append([8, 9, 10])
    asked = PeriodSettings.asked("2026-03-10T06:00", "2026-03-11T06:00")
    result = checked(desk, asked=asked)
    assert result.subject.current == "2026-03-10 06:00 to 2026-03-11 06:00"
    rows = days([8, 9])["seen"]
    inside = (rows >= "2026-03-10T06:00Z") & (rows < "2026-03-11T06:00Z")
    assert result.subject.rows == inside.sum()
    assert checked(desk, asked=asked).already_checked
    assert names_of(checked(desk)) == ["2026-03-12"]  # as if nobody had asked
    with pytest.raises(DataError, match="no row from 2030-01-01"):
        checked(desk, asked=PeriodSettings.asked("2030-01-01", "2030-01-02"))
    open_end = checked(desk, asked=PeriodSettings.asked("2026-03-12", ""))
    assert open_end.subject.rows == 100


def test_a_period_that_is_asked_for_again_is_new_where_its_rows_have_changed(timed):
    desk, append = timed
    append([8, 9, 10])
    asked = PeriodSettings.asked("2026-03-10", "2026-03-11")
    first = checked(desk, asked=asked)
    append([11])
    assert checked(desk, asked=asked).run_id == first.run_id  # as rows beyond it are none of it
    append([8])  # each row of that day a second time, and so brought in late
    late = checked(desk, asked=asked)
    assert not late.already_checked
    assert (first.subject.rows, late.subject.rows) == (100, 200)


def test_a_period_is_of_the_sources_own_rows(desk):
    asked = PeriodSettings.asked("2026-03-10", "")
    for other in ({"current": "x.csv"}, {"scenario": "none"}):
        with pytest.raises((DataError, ParameterError), match=r"own rows|x\.csv"):
            checked(desk, asked=asked, **other)


def test_simulated_days_go_on_and_a_scenario_checked_twice_is_one_record(simulated_desk):
    desk = simulated_desk
    params = load_params(desk.project.params_file)
    assert not reads_own_rows(params, "simulated")
    results = [check_source(desk.project, "simulated", params) for _ in range(2)]
    first, second = (one.subject for one in results)
    assert (second.start - first.start, second.start) == (dt.timedelta(days=1), first.end)
    assert first.start >= dt.datetime(2026, 3, 12, tzinfo=dt.UTC), "training had ten days"
    assert first.rows > 300
    before = len(desk.tracking.finished_runs("simulated", "drift"))
    broken = [
        check_source(desk.project, "simulated", params, scenario="broken_sensor") for _ in range(2)
    ]
    assert broken[0].run_id == broken[1].run_id
    assert broken[1].already_checked
    assert broken[0].drifted
    run = desk.tracking.client.get_run(broken[0].run_id)
    assert run.info.run_name.startswith("DRIFT ")
    assert "/67 · broken_sensor · 2026-03-14" in run.info.run_name
    assert len(desk.tracking.finished_runs("simulated", "drift")) <= before + 1


def test_only_a_check_of_the_source_s_own_rows_has_them_brought_in_first(desk):
    params = load_params(desk.project.params_file)
    assert reads_own_rows(params, "desk")
    assert not reads_own_rows(params, "desk", current="a.csv")
