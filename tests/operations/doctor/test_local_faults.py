"""Each fault of files, disks and locks is made for real, found, and gone by its remedy."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
import yaml
from small_projects import REPOSITORY, git

from oddwire.disk.damaged import set_aside
from oddwire.disk.drafts import whole_file
from oddwire.operations.doctor.examining import examine
from oddwire.operations.doctor.ground import Ground
from oddwire.operations.doctor.looks import LOOKS
from oddwire.operations.registry import ledger


def test_a_project_without_faults_is_quiet(bare, look):
    (bare.root / "rows.csv").write_text("a\n")
    assert look("settings", "secrets", "disks", "locks", "leftovers", "ledger") == []
    assert look("Optuna's journals", "Evidently's history", "installation") == []


def test_looking_makes_and_changes_nothing(bare, look):
    def state():
        return {path: path.lstat().st_mtime_ns for path in bare.root.rglob("*")}

    before = state()
    look(*(one for one in NAMES))
    assert state() == before


NAMES = (
    "installation", "settings", "secrets", "disks", "git", "DVC", "archives", "locks", "leftovers",
    "ledger", "Optuna's journals", "Evidently's history", "MLflow's store", "MLflow's runs",
    "champions", "drift",
)  # fmt: skip


def test_a_torn_and_a_damaged_line_of_the_ledger_are_moved_aside(bare, mended):
    entry = {"source": "desk", "time": "2026-01-01", "version": "1", "action": "promoted"}
    file = ledger.of_project(bare)
    ledger.append(file, entry)
    with file.open("ab") as opened:
        opened.write(b'{"source": "de')
    ledger.append(file, entry)
    mended("ledger", problem="line 2 of the ledger")
    assert len(ledger.read(file, "desk").entries) == 2
    assert file.with_name("promotions.jsonl.damaged").read_bytes() == b'{"source": "de\n'


def test_a_folder_in_the_place_of_the_ledger_is_moved_aside(bare, mended):
    ledger.of_project(bare).mkdir(parents=True)
    mended("ledger", problem="is a folder, not a file")


def test_a_journal_damaged_in_its_middle(bare, mended):
    bare.studies.mkdir(parents=True)
    journal = bare.studies / "desk.isolation_forest.journal"
    journal.write_bytes(b'{"op_code": 0}\n{"op_co\x00\x00\n{"op_code": 4}\n')
    mended("Optuna's journals", problem="line 2 is damaged")


def test_a_journal_with_a_torn_last_line_goes_on_by_itself(bare, look):
    bare.studies.mkdir(parents=True)
    (bare.studies / "desk.kmeans.journal").write_bytes(b'{"op_code": 0}\n{"op_')
    assert look("Optuna's journals") == []


def test_a_damaged_file_of_the_drift_history(bare, mended):
    place = bare.evidently / "1" / "snapshots"
    place.mkdir(parents=True)
    (place / "a.json").write_text('{"half": ')
    (place / "b.json").write_text("{}")
    mended("Evidently's history", problem="is damaged")


def test_drafts_of_a_killed_process(bare, mended):
    (bare.root / "data").mkdir()
    script = (
        "import os, pathlib, sys; from oddwire.disk.drafts import whole_file\n"
        "with whole_file(pathlib.Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, bare.root / "data" / "a.csv"], check=False)
    with whole_file(bare.root / "b.csv") as living:
        mended("leftovers", problem="1 draft")
        assert living.exists()


def test_what_killed_trainings_and_drift_checks_leave(bare, look, follow):
    (bare.root / "data" / "work" / "desk" / "run").mkdir(parents=True)
    (bare.root / "data" / "work" / "desk" / "fitted").mkdir()
    scratch = bare.mlruns / ".evidently-x"
    scratch.mkdir()
    os.utime(scratch, (0, 0))
    bare.studies.mkdir(parents=True)
    (bare.studies / "desk.kmeans.journal.lock").symlink_to("desk.kmeans.journal")
    found = look("leftovers")
    assert len(found) == 3
    for finding in found:
        assert finding.remedy == "oddwire doctor --mend"
        follow(finding)
    assert look("leftovers") == []
    assert (bare.root / "data" / "work" / "desk" / "fitted").is_dir()


def test_work_of_a_training_that_runs_is_none_of_them(bare, look):
    (bare.root / "data" / "work" / "desk" / "run").mkdir(parents=True)
    bare.locks.mkdir(parents=True)
    with (bare.locks / "train-desk.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert look("leftovers") == []


HOLD = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print(1, flush=1);"


@pytest.fixture
def holder(bare):
    """A process that holds the lock of trainings of the source desk."""
    bare.locks.mkdir(parents=True)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD + "time.sleep(60)", bare.locks / "train-desk.lock"],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_lock_that_a_process_holds_is_no_fault(holder, look):
    assert look("locks") == []


def test_a_lock_of_one_s_own_that_may_not_be_written(holder, look, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everything
    remedies = {found.remedy for found in look("locks")}
    assert "chmod u+rw data/locks/train-desk.lock" in remedies
    assert not any("chown" in remedy for remedy in remedies)


def test_a_lock_of_a_stopped_process(holder, mended):
    os.kill(holder.pid, signal.SIGSTOP)
    time.sleep(0.2)
    mended("locks", problem=f"held by process {holder.pid}")


def test_a_lock_that_outlived_its_process_in_a_child(bare, look, follow):
    bare.locks.mkdir(parents=True)
    script = HOLD + (
        "import subprocess; p = subprocess.Popen(['sleep', '60'], pass_fds=[f.fileno()]);"
        "print(p.pid, flush=1)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, bare.locks / "train-desk.lock"], stdout=subprocess.PIPE
    )
    process.stdout.readline()
    child = int(process.stdout.readline())
    process.wait()
    try:
        (found,) = look("locks")
        assert f"its child {child} still holds it" in found.problem
        follow(found)
        time.sleep(0.2)
        assert look("locks") == []
    finally:
        process.stdout.close()


def test_a_full_disk_and_one_that_is_read_only(bare, look, tmp_path):
    small = bare.root / "data"
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this user may not mount a disk")
    try:
        assert look("disks") == []
        (small / "large").write_bytes(b"0" * (2 * 1024 * 1024 - 4096))
        (found,) = look("disks")
        assert (found.subject, found.severity) == ("data", "broken")
        assert "the disk of data is full: " in found.problem
        (small / "large").unlink()
        subprocess.run(["mount", "-o", "remount,ro", small], check=True)
        (found,) = look("disks")
        assert "the disk of data is read-only" in found.problem
        subprocess.run(["bash", "-euc", found.remedy], cwd=bare.root, check=True)
        assert look("disks") == []
    finally:
        subprocess.run(["umount", small], check=True)


def test_settings_that_cannot_be_read(bare, look):
    bare.params_file.write_text("sources: [")
    (found,) = look("settings")
    assert found.problem.startswith("params.yaml is not YAML")
    assert found.remedy == "${EDITOR:-vi} params.yaml"


def test_settings_that_are_gone_come_back_from_git(bare, mended):
    (bare.root / "rows.csv").write_text("a\n")
    for command in (["init", "-q"], ["add", "params.yaml"], ["commit", "-qm", "settings"]):
        git(bare.root, *command)
    bare.params_file.unlink()
    mended("settings", problem="no params.yaml")


def test_the_files_of_a_source_that_was_used(bare, look):
    assert look("settings") == []  # nobody trained on it yet
    bare.prepared("desk").mkdir(parents=True)
    (bare.prepared("desk") / "split.json").write_text("{}")
    (found,) = look("settings")
    assert (found.subject, found.problem) == (
        "desk", "its train file rows.csv is not there, so it cannot be trained anew"
    )  # fmt: skip


def test_a_source_s_file_where_it_would_be_deleted(bare, look):
    params = yaml.safe_load(bare.params_file.read_text())
    params["sources"]["own"] = {"format": "table", "train": "data/raw/own/flows.csv"}
    bare.params_file.write_text(yaml.safe_dump(params))
    bare.raw("own").mkdir(parents=True)
    (bare.raw("own") / "flows.csv").write_text("a,b\n1,2\n")
    (found,) = look("settings")
    assert "in data/raw, which the stage `link` makes anew" in found.problem
    assert found.remedy.startswith("mkdir -p data/downloads && mv -i data/raw/own/flows.csv ")


def test_a_webhook_that_everybody_may_read(bare, mended):
    text = bare.params_file.read_text() + "notify: {webhook: 'https://hooks.example/TOKEN'}\n"
    bare.params_file.write_text(text)
    bare.params_file.chmod(0o644)
    assert "TOKEN" not in str(mended("secrets", problem="every user of this machine may read it"))


def test_models_that_everybody_may_replace(bare, mended):
    bare.mlruns.chmod(0o777)
    mended("secrets", problem="every user of this machine may write to it")


def test_git_that_was_killed(bare, mended):
    git(bare.root, "init", "-q")
    lock = bare.root / ".git" / "index.lock"
    lock.touch()
    os.utime(lock, (0, 0))
    mended("git", problem="index.lock was left")


def test_no_git_is_no_fault(bare, look):
    assert look("git") == []


def test_what_was_set_aside_is_told_and_is_no_fault(bare, look):
    bare.studies.mkdir(parents=True)
    journal = bare.studies / "desk.kmeans.journal"
    journal.write_text("damaged")
    aside = set_aside(journal)
    (seen,) = examine([one for one in LOOKS if one.name == "Optuna's journals"], Ground.find())
    assert seen.findings == ()
    told = [fact.text for fact in seen.facts if fact.figure]
    assert told == [f"data/studies/{aside.name} was damaged and set aside"]


@pytest.fixture
def stages(bare):
    for file in ("dvc.yaml", ".dvc/config", ".dvc/.gitignore"):
        target = bare.root / file
        target.parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / file, target)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "stages"]):
        git(bare.root, *command)
    return bare


@pytest.mark.parametrize("name", ["dvc.yaml", ".dvc"])
def test_files_of_dvc_that_are_gone(stages, mended, name):
    path = stages.root / name
    path.unlink() if path.is_file() else shutil.rmtree(path)
    mended("DVC", problem="is not there")


def test_dvc_yaml_with_marks_of_a_conflict(stages, mended):
    (stages.root / "dvc.yaml").write_text("<<<<<<< HEAD\nstages:\n=======\n>>>>>>> other\n")
    mended("DVC", problem="is not YAML")


def test_a_dvc_lock_that_is_damaged(stages, mended):
    (stages.root / "dvc.lock").write_text("stages: [\n")
    mended("DVC", problem="is not YAML")


@pytest.mark.parametrize("content", ["{", '{"write": {"a": {"pid": 1, "cmd": "dvc repro"}}}'])
def test_a_lock_that_dvc_would_wait_for(stages, mended, content):
    place = stages.root / ".dvc" / "tmp"
    place.mkdir()
    (place / "rwlock").write_text(content)
    mended("DVC", problem="DVC")


def test_remotes_of_dvc(stages, look, follow):
    config = stages.root / ".dvc" / "config"
    config.write_text(
        config.read_text() + "    remote = here\n['remote \"there\"']\n    url = ../../store\n"
    )
    found = look("DVC")
    assert [one.subject for one in found] == [".dvc/config", "DVC remote there"]
    for one in found:
        follow(one)
    assert look("DVC") == []


def test_a_database_with_a_damaged_page(bare, look, follow):
    file = bare.mlruns / "mlflow.db"
    content = bytearray(file.read_bytes())
    content[4096 * 3 : 4096 * 5] = os.urandom(8192)
    file.write_bytes(content)
    found = look("MLflow's store")
    assert len(found) == 1
    assert "mlruns/mlflow.db.damaged" in found[0].remedy
    follow(found[0])
    if file.exists():  # where sqlite3 is installed, it saves what can be read
        with sqlite3.connect(file) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert (bare.mlruns / "mlflow.db.damaged").exists()


@pytest.mark.slow
def test_a_database_of_an_older_mlflow_is_left_as_it_is(bare, mended):
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base as InitialBase
    from sqlalchemy import create_engine

    file = bare.mlruns / "mlflow.db"
    file.unlink()
    config = _get_alembic_config(f"sqlite:///{file}")
    engine = create_engine(f"sqlite:///{file}")
    InitialBase.metadata.create_all(engine)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head-3")
    engine.dispose()
    assert "mlflow db upgrade" in mended("MLflow's store", problem="this MLflow needs").remedy


def test_looking_at_a_database_of_another_mlflow_changes_nothing(bare, look):
    with sqlite3.connect(bare.mlruns / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        database.execute("DROP TABLE latest_metrics")
    before = (bare.mlruns / "mlflow.db").read_bytes()
    (found,) = look("MLflow's store")
    assert "are of ffffffffffff, this MLflow needs" in found.problem
    assert (bare.mlruns / "mlflow.db").read_bytes() == before


def test_a_locked_database(bare, look):
    database = sqlite3.connect(bare.mlruns / "mlflow.db")
    database.execute("BEGIN EXCLUSIVE")
    try:
        (found,) = look("MLflow's store")
    finally:
        database.close()
    assert "another process holds the database" in found.problem
    assert look("MLflow's store") == []
