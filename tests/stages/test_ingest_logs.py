"""Stage ``ingest`` of a source of logs: an archive that grows, and a kill at any moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from archived_logs import zeek_log

from oddwire.disk.drafts import bring_back
from oddwire.errors import DataError
from oddwire.params import load_params
from oddwire.stages.ingest import ingest, reading_key
from oddwire.stages.link import link
from oddwire.stages.prepare import prepare
from oddwire.stages.settings import write_settings
from oddwire.traffic.archive import open_archive
from oddwire.traffic.connections import CONNECTION_COLUMNS
from oddwire.traffic.sources.logs import there

BEGIN = 1_700_000_000
PARTS = ("train", "calibration", "validation", "test")


@pytest.fixture
def logs(project):
    """Write logs of hours, and set what the source of them is to be."""

    def write(*hours, rows=60, prefix="", **settings):
        folder = project.root.parent / "zeek"
        folder.mkdir(exist_ok=True)
        for number in hours:
            lines = [(f"C{number}x{at}", BEGIN + 3600 * number + 50 * at, 3) for at in range(rows)]
            (folder / f"conn.{number}.log").write_text(prefix + zeek_log(lines))
        params = yaml.safe_load(project.params_file.read_text())
        params["sources"]["zeek"] = {"format": "zeek", "files": f"{folder}/conn.*.log", **settings}
        project.params_file.write_text(yaml.safe_dump(params))
        return folder

    return write


def ingested(project):
    link(project, "zeek")
    ingest(project, "zeek")
    return open_archive(project.ingested("zeek"))


def test_an_archive_grows_by_what_is_new_and_keeps_what_has_gone(project, logs):
    folder = logs(0, 1)
    first = ingested(project)
    assert len(first.read("train", ["uid"])) == 120
    kept = {part.file(first.folder).stat().st_ino for part in first.records.parts}
    (folder / "conn.0.log").unlink()
    logs(2)
    grown = ingested(project)
    assert len(grown.read("train", ["uid"])) == 180
    inodes = {part.file(grown.folder).stat().st_ino for part in grown.records.parts}
    assert kept < inodes
    # No second name is left, which DVC would take for a link and copy.
    assert all(part.file(grown.folder).stat().st_nlink == 1 for part in grown.records.parts)


def test_a_file_that_stays_is_not_hashed_again_under_whatever_name(project, logs, monkeypatch):
    folder = logs(0, 1)
    ingested(project)
    hashed = []

    def identify(file, **options):
        hashed.append(file.name)
        return real(file, **options)

    real = there.identify
    monkeypatch.setattr(there, "identify", identify)
    (folder / "conn.1.log").rename(folder / "conn.older.log")
    logs(2)
    assert len(ingested(project).records.parts) == 3
    assert set(hashed) == {"conn.2.log"}
    project.known_logs("zeek").write_text("no list")  # lost, it is made anew
    assert len(ingested(project).records.parts) == 3
    assert set(hashed) == {"conn.0.log", "conn.older.log", "conn.2.log"}


def test_a_file_that_is_written_to_gives_what_was_there_when_it_was_hashed(
    project, logs, monkeypatch
):
    file = logs(0) / "conn.0.log"
    real = there.identify

    def identify(path, **options):
        content = real(path, **options)
        with file.open("a") as growing:
            growing.write("one more line that is not whole")
        return content

    monkeypatch.setattr(there, "identify", identify)
    (part,) = ingested(project).records.parts
    assert (part.rows, part.refused) == (60, 0)
    monkeypatch.undo()
    (grown,) = ingested(project).records.parts
    assert (grown.rows, grown.refused, grown.cut) == (60, 1, "the last line has no end")
    assert grown.grown_from == (part.content,)
    assert {one.name for one in project.ingested("zeek").iterdir()} == {
        "files.json", "parts", "refused", "rows.json", "superseded.parquet",
    }  # fmt: skip


def test_the_key_follows_from_what_changes_rows_alone(project, logs):
    keys = []
    for settings in ({}, {"max_refused_share": 0.5}, {"train_days": 3}, {"benign": ["fine"]}):
        logs(0, **settings)
        keys.append(reading_key(load_params(project.params_file).source("zeek")))
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_another_unit_is_that_of_all_rows_and_no_file_is_read_for_it(project, logs):
    folder = logs(0)
    before = ingested(project)
    assert "unit" not in before.read("train")
    (folder / "conn.0.log").unlink()
    logs(1, 2, unit=["src_ip", "proto"])
    after = ingested(project)
    assert {part.reading for part in after.records.parts} == {before.records.parts[0].reading}
    rows = after.read("train")
    assert len(rows) == 180
    assert (rows["unit"] == rows["src_ip"] + "," + rows["proto"]).all()
    prepare(project, "zeek")
    assert all(
        "unit" in pd.read_parquet(project.prepared("zeek") / f"{part}.parquet") for part in PARTS
    )


def test_rows_that_an_earlier_version_read_have_no_campaigns(project, logs):
    folder = logs(0)
    (part,) = ingested(project).records.parts
    file = part.file(project.ingested("zeek"))
    # As it was written before there were campaigns; nothing notices but the stored size.
    table = pq.read_table(file).drop_columns("campaign")
    pq.write_table(table, file, compression="zstd")
    records = project.ingested("zeek") / "files.json"
    content = json.loads(records.read_text())
    content["parts"][0]["stored"] = file.stat().st_size
    records.write_text(json.dumps(content))
    (folder / "conn.0.log").unlink()
    logs(1, 2)
    archive = ingested(project)
    assert len(archive.records.parts) == 3
    for rows in (7, 200):
        frames = list(archive.batches("train", rows=rows))
        assert {tuple(frame) for frame in frames} == {CONNECTION_COLUMNS}
        assert sum(map(len, frames)) == 180
    assert archive.read("train", ["uid", "campaign"])["campaign"].isna().all()
    prepare(project, "zeek")


def test_too_many_refused_lines_fail_and_leave_the_archive_as_it_was(project, logs, hashes):
    folder = logs(0)
    ingested(project)
    before = hashes(project.ingested("zeek"))
    logs(1)
    with (folder / "conn.1.log").open("a") as file:
        file.write("too\tfew\n" * 4)
    with pytest.raises(DataError, match=r"conn\.1\.log: 4 of 64 rows .* first in line 67: "):
        ingested(project)
    assert hashes(project.ingested("zeek")) == before
    assert [path.name for path in project.ingested("zeek").parent.iterdir()] == ["zeek"]


def test_the_newest_days_and_a_period_are_trained_on(project, logs, monkeypatch):
    logs(*range(0, 120, 4), rows=40, train_days=2)
    ingested(project)
    prepare(project, "zeek")
    split = json.loads((project.prepared("zeek") / "split.json").read_text())
    counts = [split["split"][part]["rows"] for part in ("train", "calibration", "validation")]
    assert sum(counts) + split["split"]["test"]["rows"] == 12 * 40
    asked = {"zeek": {"since": "2023-11-15T00:00:00+00:00", "until": "2023-11-16T00:00:00+00:00"}}
    monkeypatch.setenv("ODDWIRE_PERIODS", json.dumps(asked))
    write_settings(project)
    prepare(project, "zeek")
    split = json.loads((project.prepared("zeek") / "split.json").read_text())
    assert split["period"] == {
        "since": "2023-11-15 00:00:00+00:00", "until": "2023-11-16 00:00:00+00:00",
    }  # fmt: skip
    counts = [split["split"][part]["rows"] for part in ("train", "calibration", "validation")]
    assert sum(counts) + split["split"]["test"]["rows"] == 6 * 40
    monkeypatch.setenv("ODDWIRE_PERIODS", json.dumps({"zeek": {"since": "2024-01-01T00:00+00:00"}}))
    write_settings(project)
    says = "no rows in that period: its own are from 2023-11-14 22:.* to 2023"
    with pytest.raises(DataError, match=says):
        prepare(project, "zeek")


def test_rows_before_a_period_are_seen_by_the_windows_of_its_first_rows(project, logs):
    logs(*range(6), rows=72)
    ingested(project)
    prepare(project, "zeek")
    import pandas as pd

    def frame():
        parts = (project.prepared("zeek") / f"{name}.parquet" for name in PARTS)
        return pd.concat(map(pd.read_parquet, parts)).sort_values("uid", ignore_index=True)

    whole = frame()
    since = pd.Timestamp(BEGIN + 2 * 3600 + 7, unit="s", tz="UTC")
    asked = {"zeek": {"since": since.isoformat(), "until": None, "days": None}}
    project.settings.parent.mkdir(exist_ok=True)
    project.settings.write_text(json.dumps({"periods": asked}))
    prepare(project, "zeek")
    later = frame()
    assert 0 < len(later) < len(whole)
    expected = whole[whole["uid"].isin(later["uid"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(later, expected)


@pytest.mark.slow
def test_after_a_kill_at_any_moment_the_old_archive_or_the_new_one_is_there(project, logs, hashes):
    logs(*range(3))
    old = [part.id for part in ingested(project).records.parts]
    logs(*range(3, 30), rows=300)
    link(project, "zeek")
    environment = {**os.environ, "ODDWIRE_PROJECT": str(project.root)}
    command = [sys.executable, "-m", "oddwire.stages.ingest", "zeek"]

    def killed_after(seconds):
        with subprocess.Popen(command, env=environment) as stage:
            time.sleep(seconds)
            stage.send_signal(signal.SIGKILL)
        return stage.returncode

    begin = time.monotonic()
    for step in range(8):
        killed_after(1.2 + step * 0.15)
        bring_back(project.ingested("zeek"))
        parts = [part.id for part in open_archive(project.ingested("zeek")).records.parts]
        assert parts[:3] == old
        assert len(parts) in (3, 30)
        if len(parts) == 30:
            break
        assert time.monotonic() - begin < 60
    killed = ingested(project)
    assert len(killed.records.parts) == 30
    assert len(killed.read("train", ["uid"])) == 3 * 60 + 27 * 300
    assert [path.name for path in project.ingested("zeek").parent.iterdir()] == ["zeek"]
    # As one that nobody killed.
    whole = hashes(project.ingested("zeek"))
    for path in sorted(project.ingested("zeek").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    project.ingested("zeek").rmdir()
    ingested(project)
    assert hashes(project.ingested("zeek")) == whole


def test_an_archive_between_two_renames_is_brought_back(project, logs):
    logs(0)
    archive = ingested(project)
    folder = project.ingested("zeek")
    folder.rename(folder.with_name(f".zeek.oddwire-{'0' * 16}.former"))
    logs(1)
    assert len(ingested(project).records.parts) == 2
    assert [path.name for path in folder.parent.iterdir()] == ["zeek"]
    assert archive.folder.is_dir()


def test_logs_may_be_called_like_files_of_the_archive(project, logs):
    folder = logs(0, 1, 2, files=f"{project.root.parent}/zeek/*")
    for number, name in enumerate(("parts", "refused", "files.json")):
        (folder / f"conn.{number}.log").rename(folder / name)
    assert sorted(part.name for part in ingested(project).records.parts) == [
        "zeek/files.json", "zeek/parts", "zeek/refused",
    ]  # fmt: skip


def test_a_row_of_the_future_does_not_put_all_others_in_the_past(project, logs):
    folder = logs(0, train_days=2)
    now = time.time()
    (folder / "conn.1.log").write_text(zeek_log([("S", 4_102_444_800, 3)]))
    (folder / "conn.2.log").write_text(
        zeek_log([(f"N{at}", now - at, 0.5) for at in range(60, 2, -1)])
    )
    archive = ingested(project)
    assert len(archive.read("train", ["uid"], since=archive.newest(2))) == 59
