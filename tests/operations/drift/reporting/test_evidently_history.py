"""The history of drift checks, in a workspace that Evidently reads."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from oddwire.disk.damaged import all_set_aside
from oddwire.operations.drift.reporting.evidently_history import (
    add_to_history,
    dashboard_id,
    import_evidently,
    set_damaged_aside,
)
from oddwire.operations.drift.result import Subject
from oddwire.operations.drift.verdict import ColumnDrift, DriftCheck
from oddwire.project import Project

pytestmark = pytest.mark.slow

HOSTILE = "</script><script>alert('x')</script>"
FIRST = dt.datetime(2026, 3, 16, tzinfo=dt.UTC)


def add(project, day, *, source="office", drifted=False, name=HOSTILE):
    columns = (
        ColumnDrift(name, 0.3 if drifted else 0.1, 0.2, drifted, "numeric"),
        ColumnDrift("anomaly_score", 0.05, 0.2, False, "score"),
    )
    check = DriftCheck(
        drifted=drifted, verdict="A verdict.", columns=columns, share=drifted / 2, min_share=0.1,
        reference_rows=10, current_rows=10, method="like hours",
    )  # fmt: skip
    start = FIRST + dt.timedelta(days=day)
    subject = Subject(
        source=source, current=name, kind="day", version="1", detector="isolation_forest", file="",
        start=start, end=start + dt.timedelta(days=1), rows=4000 + day, alert_rate=0.02,
        alert_p_value=0.01,
    )  # fmt: skip
    add_to_history(project, check, subject, key=f"{source} {day}", name=f"day {day} {name}")


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def workspace(project):
    import_evidently()
    from evidently.ui.workspace import Workspace

    return Workspace(str(project.evidently))


def runs(project, source="office"):
    kept = workspace(project)
    return sorted(
        (kept.get_run(dashboard_id(source), run) for run in kept.list_runs(dashboard_id(source))),
        key=lambda run: run.timestamp,
    )


def test_each_check_is_a_point_at_the_end_of_its_period(project):
    for day in (1, 0):
        add(project, day, drifted=day == 1)
    kept = runs(project)
    assert [run.timestamp.day for run in kept] == [17, 18]
    assert [run.tags for run in kept] == [["no drift"], ["drift"]]
    values = [
        {r.metric_value_location.metric.params["column"]: r.value
         for r in run.metric_results.values()}
        for run in kept
    ]  # fmt: skip
    assert values[1] == {
        "share of drifted columns": 0.5, "score drift (distance)": 0.05,
        "observed alert rate": 0.02, "expected of benign traffic": 0.01, "rows": 4001.0,
    }  # fmt: skip
    (shown,) = workspace(project).list_projects()
    assert shown.name == "office"
    drawn = {
        value.metric_labels["column"]
        for panel in shown.dashboard.model().panels
        for value in panel.values
    }
    assert drawn == set(values[1])


def test_a_check_added_again_is_one_point_and_small(project):
    for _ in range(2):
        add(project, 0)
    assert len(runs(project)) == 1
    sizes = [file.stat().st_size for file in project.evidently.rglob("snapshots/*.json")]
    assert max(sizes) < 10_000


def test_hostile_names_are_replaced_by_look_alikes(project):
    add(project, 0)
    (file,) = project.evidently.rglob("snapshots/*.json")
    kept = json.dumps(json.loads(file.read_text()), ensure_ascii=False)
    assert "<" not in kept
    assert "\u2039script\u203aalert" in kept, "they are still shown"


def test_checks_of_two_sources_at_once_are_all_kept_and_nothing_is_left_beside_them(project):
    import_evidently()  # imports are not what is tried here
    jobs = [(source, day) for day in range(4) for source in ("office", "lab")]
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(add, project, day, source=source) for source, day in jobs]:
            done.result()
    assert [len(runs(project, source)) for source in ("office", "lab")] == [4, 4]
    assert [path.name for path in project.mlruns.iterdir()] == ["evidently"]


def test_importing_the_check_loads_no_evidently_and_the_history_no_telemetry():
    code = (
        "import os, sys, oddwire.operations.drift.check;"
        "from oddwire.operations.drift.reporting import evidently_history as h;"
        "assert 'evidently' not in sys.modules;"
        "h.import_evidently(); from evidently.telemetry import event_logger as e;"
        "assert os.environ['DO_NOT_TRACK']; assert not e.is_enabled()"
    )
    environment = {k: v for k, v in os.environ.items() if k != "DO_NOT_TRACK"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("content", [b'{"id": "', b"\x00" * 300, b"[]", b"\xff"])
def test_what_is_damaged_of_it_is_set_aside_and_the_rest_goes_on(project, content):
    for day in (0, 1):
        add(project, day)
    folder = project.evidently / str(dashboard_id("office"))
    damaged = min((folder / "snapshots").iterdir())
    for file in (damaged, folder / "metadata.json"):
        file.write_bytes(content)
    add(project, 2)
    assert len(runs(project)) == 2, "of three points one is lost"
    for place in (folder, folder / "snapshots"):
        (aside,) = all_set_aside(place)
        assert aside.read_bytes() == content
    assert set_damaged_aside(project) == []


def test_the_history_is_mended_before_its_page_starts(project):
    for source in ("office", "lab"):
        add(project, 0, source=source)
    (file,) = (project.evidently / str(dashboard_id("lab")) / "snapshots").iterdir()
    file.write_bytes(b"{")
    (aside,) = set_damaged_aside(project)
    assert aside.name.startswith(f"{file.name}.damaged-")
    assert len(runs(project, "office")) == 1
    assert runs(project, "lab") == []
