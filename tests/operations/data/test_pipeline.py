"""Stages brought up to date by a real DVC: only what changed, one at a time, errors in one line."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml
from filelock import FileLock
from stubs import RecordedProgress

from oddwire.errors import DataError, ServiceError
from oddwire.operations.data.pipeline import _failure, reproduce
from oddwire.operations.progress import watched_by
from oddwire.params import load_params

ROWS = "a,b,y\n" + "".join(f"{n % 97},{n % 13},{int(n % 10 == 0)}\n" for n in range(300))


@pytest.fixture
def table(project):
    """The project, its one source a table that lies beside it."""
    params = yaml.safe_load(project.params_file.read_text())
    file = project.root.parent / "mine.csv"
    file.write_text(ROWS)
    params["sources"] = {"mine": {"format": "table", "train": str(file), "label": "y"}}
    project.params_file.write_text(yaml.safe_dump(params))
    return project


def reproduced(project, **options):
    watcher = RecordedProgress()
    with watched_by(watcher):
        reproduce(project, "mine", load_params(project.params_file).source("mine"), **options)
    return watcher


@pytest.mark.slow
def test_only_what_is_out_of_date_runs(table):
    first = reproduced(table)
    assert set(first.notes) == {"link@mine", "ingest@mine", "prepare@mine", "explore@mine"}
    assert first.begun == ["dvc repro mine"]
    assert (table.prepared("mine") / "split.json").is_file()
    assert any(table.explored("mine").iterdir())
    assert table.dvc_lock.is_file()
    assert reproduced(table).notes == []
    params = yaml.safe_load(table.params_file.read_text())
    params["explore"]["max_rows"] = 200
    table.params_file.write_text(yaml.safe_dump(params))
    assert reproduced(table).notes == ["explore@mine"]


@pytest.mark.slow
def test_two_at_once_both_finish_one_after_the_other(table):
    watchers = [RecordedProgress(), RecordedProgress()]
    start = threading.Barrier(2)

    def run(watcher):
        with watched_by(watcher):
            start.wait()
            reproduce(
                table, "mine", load_params(table.params_file).source("mine"), stages=("prepare",)
            )

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(run, watcher) for watcher in watchers]:
            done.result()
    assert sorted(len(watcher.notes) for watcher in watchers) == [0, 3]
    assert sum(watcher.waiting.is_set() for watcher in watchers) == 1


@pytest.mark.slow
def test_what_a_stage_refuses_is_an_error_in_its_own_words(table):
    file = table.root.parent / "mine.csv"
    file.write_text("a,b,y\n" + "1,2,0\n" * 50 + "1,two,0\n")
    params = yaml.safe_load(table.params_file.read_text())
    params["sources"]["mine"]["categorical"] = []
    table.params_file.write_text(yaml.safe_dump(params))
    with pytest.raises(DataError, match=r"mine\.csv.*column 'b'.*'two'") as raised:
        reproduced(table, stages=("prepare",))
    assert "\n" not in str(raised.value)
    assert not table.prepared("mine").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stages", "says"),
    [
        (
            "stages:\n  prepare:\n    foreach: [mine]\n    do:\n      cmd: exit 3\n",
            "failed to reproduce 'prepare@mine'",
        ),
        ("stages:\n  prepare: [", "dvc.yaml' is invalid"),
    ],
    ids=["a stage that ends badly", "no YAML"],
)
def test_another_failure_of_dvc_is_told_with_its_reason(table, stages, says):
    (table.root / "dvc.yaml").write_text(stages)
    with pytest.raises(ServiceError, match=f"dvc repro failed: .*{says}") as raised:
        reproduced(table, stages=("prepare",))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("what", ["missing", "folder"])
def test_a_missing_file_is_told_before_dvc_starts(table, what):
    file = table.root.parent / "mine.csv"
    file.unlink()
    if what == "folder":
        file.mkdir()
    with pytest.raises(DataError, match=r"source 'mine': its train file .*mine\.csv") as raised:
        reproduced(table)
    assert "\n" not in str(raised.value)
    assert not (table.root / "data").exists()


def test_whoever_waits_says_so_and_goes_on_when_the_other_is_done(table, monkeypatch):
    monkeypatch.setattr(
        "oddwire.operations.data.pipeline._run_dvc", lambda *_: None
    )  # the wait alone
    watcher = RecordedProgress()
    settings = load_params(table.params_file).source("mine")

    def run():
        with watched_by(watcher):
            reproduce(table, "mine", settings)

    table.locks.mkdir(parents=True)
    with FileLock(table.locks / "dvc.lock"):
        thread = threading.Thread(target=run)
        thread.start()
        assert watcher.waiting.wait(20)
        assert watcher.begun == ["waiting for another dvc repro to end"]
    thread.join(20)
    assert watcher.begun[-1] == "dvc repro mine"


def test_the_lock_is_free_again_after_a_failure(table, monkeypatch):
    def fail(*_):
        raise ServiceError("dvc repro failed: the disk is full")

    monkeypatch.setattr("oddwire.operations.data.pipeline._run_dvc", fail)
    with pytest.raises(ServiceError, match="disk is full"):
        reproduced(table)
    with FileLock(table.locks / "dvc.lock", timeout=0):
        pass


@pytest.mark.parametrize(
    ("lines", "kind", "says"),
    [
        (["Running stage", "error: f.csv is empty", "ERROR: failed"], DataError, "f.csv is empty"),
        (["x", "ERROR: a", "y", "ERROR: b"], ServiceError, "dvc repro failed: ERROR: a ERROR: b"),
        (list("abcdefgh"), ServiceError, "dvc repro failed: c d e f g h"),
        ([], ServiceError, "dvc repro failed: "),
    ],
)
def test_the_line_that_says_most_becomes_the_error(lines, kind, says):
    error = _failure(lines)
    assert type(error) is kind
    assert str(error) == says
