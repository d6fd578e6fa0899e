"""New rows brought in by a real DVC, and what is told of them; periods that one run asks for."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml
from archived_logs import zeek_log

from oddwire.errors import DataError, ParameterError
from oddwire.operations.data.ingesting import Refusal, ingest_source
from oddwire.operations.data.pipeline import reproduce
from oddwire.params import load_params
from oddwire.params.stage_settings import PeriodSettings
from oddwire.traffic.archive import open_archive

BEGIN = 1_700_006_400  # midnight
DAY = 86_400


@pytest.fixture
def office(project):
    """The project with a source of logs, and what writes an hour of it."""
    folder = project.root.parent / "zeek"
    folder.mkdir()
    params = yaml.safe_load(project.params_file.read_text())
    params["sources"] = {
        "office": {
            "format": "zeek", "files": f"{folder}/conn.*.log", "max_refused_share": 0.1,
        }
    }  # fmt: skip
    project.params_file.write_text(yaml.safe_dump(params))

    def write(hour, *, rows=60, more=""):
        lines = [(f"C{hour}x{at}", BEGIN + 3600 * hour + 50 * at, 3) for at in range(rows)]
        file = folder / f"conn.{hour}.log"
        file.write_text(zeek_log(lines) + more)
        return file

    return project, write


def ingested(project):
    return ingest_source(project, "office", load_params(project.params_file).source("office"))


@pytest.mark.slow
def test_what_is_new_known_gone_refused_and_late_is_told(office):
    project, write = office
    gone = write(5)
    write(6)
    first = ingested(project)
    assert first.to_dict() == {
        "source": "office", "files": {"new": 2, "known": 0, "gone": 0, "empty": 0},
        "rows": 120,
        "refused": 0, "superseded": 0, "late": 0,
        "first": "2023-11-15T05:00:03+00:00", "last": "2023-11-15T06:49:13+00:00",
        "cut_off": (), "refusals": (), "broken_links": (),
    }  # fmt: skip
    assert (ingested(project).new, ingested(project).known) == (0, 2)

    gone.unlink()
    write(0, more="too\tfew\n")
    gone.with_name("conn.empty.log").touch()
    lost = gone.with_name("conn.lost.log")
    lost.symlink_to("nowhere")
    second = ingested(project)
    assert (second.new, second.known, second.gone) == (1, 1, 1)
    assert (second.rows, second.refused, second.late) == (180, 1, 60)
    assert (second.empty, second.broken_links) == (1, (str(lost),))
    (refusal,) = second.refusals
    assert isinstance(refusal, Refusal)
    assert (refusal.file, refusal.refused, refusal.line) == ("zeek/conn.0.log", 1, 67)
    assert json.loads((project.root / refusal.kept_in).read_text())["text"] == "too\tfew"

    # Too many refused: an error with the file, and the archive as it was.
    write(7, rows=5, more="too\tfew\n" * 4)
    with pytest.raises(DataError, match=r"conn\.7\.log: 4 of 9 rows"):
        ingested(project)
    assert len(open_archive(project.ingested("office")).read("train", ["uid"])) == 180
    write(7)

    # An archive that is taken away comes back with what is nowhere else.
    shutil.rmtree(project.ingested("office"))
    assert (ingested(project).rows, ingested(project).gone) == (240, 1)


@pytest.mark.slow
def test_a_period_is_of_one_run_and_stands_in_the_lock_file(office):
    project, write = office
    for hour in range(0, 72, 3):
        write(hour)
    settings = load_params(project.params_file).source("office")

    def rows(period=None):
        reproduce(project, "office", settings, stages=("prepare",), period=period)
        split = json.loads((project.prepared("office") / "split.json").read_text())["split"]
        lock = yaml.safe_load(project.dvc_lock.read_text())["stages"]["prepare@office"]
        parts = ("train", "calibration", "validation", "test")
        kept = lock["params"]["data/settings.json"]["periods.office"]
        return sum(split[part]["rows"] for part in parts), kept["since"]

    assert rows() == (24 * 60, None)
    asked = PeriodSettings.asked("2023-11-16", "2023-11-17T00:00+00:00")
    assert rows(asked) == (8 * 60, "2023-11-16T00:00:00+00:00")
    assert rows() == (24 * 60, None)


@pytest.mark.parametrize(
    ("since", "until", "says"),
    [
        ("yesterday", "", "since must be a time such as"),
        ("", "20-1", "until must be a time"),
        ("2026-03-02", "2026-03-02", "since must be before until"),
        ("2026-03-02T14:00+02:00", "2026-03-02T12:00", "since must be before until"),
    ],
)
def test_a_period_that_is_none_is_refused(since, until, says):
    with pytest.raises(ParameterError, match=says):
        PeriodSettings.asked(since, until)


def test_a_time_without_a_zone_is_utc():
    asked = PeriodSettings.asked("2026-03-02T14:00+02:00", "2026-03-02T14:00")
    assert (asked.since, asked.until) == ("2026-03-02T12:00:00+00:00", "2026-03-02T14:00:00+00:00")
    assert PeriodSettings.asked("", "") is None
