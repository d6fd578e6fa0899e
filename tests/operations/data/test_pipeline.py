"""Stages brought up to date by a real DVC: only what changed, one at a time, errors in one line."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml
from filelock import FileLock
from stubs import RecordedProgress

from oddwire.errors import DataError, ServiceError
from oddwire.operations.data.pipeline import reproduce
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
    assert set(first.notes) == {
        "settings",
        "link@mine",
        "ingest@mine",
        "prepare@mine",
        "explore@mine",
    }
    assert first.begun == ["dvc repro mine"]
    assert (table.prepared("mine") / "split.json").is_file()
    assert any(table.explored("mine").iterdir())
    assert table.dvc_lock.is_file()
    assert reproduced(table).notes == []
    params = yaml.safe_load(table.params_file.read_text())
    params["explore"]["max_rows"] = 200
    table.params_file.write_text(yaml.safe_dump(params))
    assert reproduced(table).notes == ["settings", "explore@mine"]


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
    assert sorted(len(watcher.notes) for watcher in watchers) == [0, 4]
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
            "stage 'prepare@mine' failed without a word, exit code 3",
        ),
        ("stages:\n  prepare: [", "dvc repro failed: .*dvc.yaml' is invalid"),
    ],
    ids=["a stage that ends badly", "no YAML"],
)
def test_another_failure_of_dvc_is_told_with_its_reason(table, stages, says):
    (table.root / "dvc.yaml").write_text(stages)
    with pytest.raises(ServiceError, match=says) as raised:
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


def test_a_file_that_dvc_would_delete_is_refused_before_it_starts(table):
    params = yaml.safe_load(table.params_file.read_text())
    file = table.raw("mine") / "flows.csv"
    file.parent.mkdir(parents=True)
    file.write_text(ROWS)
    # Of another source too: it would go with the training of this one.
    params["sources"]["other"] = {"format": "table", "train": "data/raw/mine/flows.csv"}
    table.params_file.write_text(yaml.safe_dump(params))
    with pytest.raises(DataError, match=r"source 'other': .* is in data/raw, .*: move the file"):
        reproduced(table)
    assert file.read_text() == ROWS
    assert not table.logs.exists()


def test_whoever_waits_says_so_and_goes_on_when_the_other_is_done(table, monkeypatch):
    monkeypatch.setattr(
        "oddwire.operations.data.pipeline.run_dvc", lambda *_, **__: None
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
    def fail(*_, **__):
        raise ServiceError("dvc repro failed: the disk is full")

    monkeypatch.setattr("oddwire.operations.data.pipeline.run_dvc", fail)
    with pytest.raises(ServiceError, match="disk is full"):
        reproduced(table)
    with FileLock(table.locks / "dvc.lock", timeout=0):
        pass


@pytest.mark.slow
def test_a_stage_that_crashes_tells_its_last_line_and_keeps_its_log(table):
    crash = "import sys; print('rows: 5'); raise ValueError('no\\nrows')"
    stages = {"prepare": {"foreach": ["mine"], "do": {"cmd": f'python -c "{crash}"'}}}
    (table.root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    with pytest.raises(ServiceError) as raised:
        reproduced(table, stages=("prepare",))
    log = table.logs / "dvc-repro-mine.failed.log"
    assert str(raised.value) == f"stage 'prepare@mine' failed: ValueError: no (its log: {log})"
    assert "Traceback (most recent call last):" in log.read_text()
    assert not (table.logs / "dvc-repro-mine.log").exists()


@pytest.mark.slow
@pytest.mark.parametrize("missing", [".git", ".dvc"])
def test_without_a_repository_or_dvcs_folder_the_stages_run(table, missing):
    shutil.rmtree(table.root / missing)
    config = table.root / ".dvc" / "config"
    before = config.read_text() if config.exists() else None
    assert "prepare@mine" in reproduced(table, stages=("prepare",)).notes
    assert (config.read_text() if config.exists() else None) == before
    assert not (table.root / ".git").exists() or missing == ".dvc"
