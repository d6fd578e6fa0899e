"""``dvc.yaml``: what the stages depend on, and what a real DVC runs again."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from small_projects import git

from oddwire.traffic.verdicts.table import JudgedConnection, Verdict, VerdictTable

REPOSITORY = Path(__file__).resolve().parents[2]
CODE = REPOSITORY / "src" / "oddwire"
STAGES = ("link", "ingest", "prepare", "explore")


def imported(file):
    """Name the modules of oddwire that a file imports when it runs."""
    waiting = [ast.parse(file.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("oddwire."):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def code_of(module):
    path = CODE.parent / Path(*module.split("."))
    return next((f for f in (path.with_suffix(".py"), path / "__init__.py") if f.is_file()), None)


@pytest.mark.parametrize("stage", [*STAGES, "settings"])
def test_a_stage_depends_on_the_code_that_it_runs_and_on_no_detector(stage):
    """So no change of what decides its output is missed, and no other runs it again."""
    declared = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"][stage]
    declared = declared.get("do", declared)["deps"]
    declared = {REPOSITORY / path for path in declared if path.startswith("src/")}
    declared -= {CODE / "params"}  # the stage `settings` runs it, and stands for it below
    # What settings mean is in `params:`; how a stage starts and ends changes no output.
    files = ("disk/drafts.py", "errors.py", "params", "project.py", "stages/running.py")
    apart = {CODE / file for file in files}
    # A folder stands for what is loaded by its name, such as the reader of a format.
    ran, waiting = set(), [CODE / "stages" / f"{stage}.py"]
    waiting += [file for path in declared if path.is_dir() for file in path.rglob("*.py")]
    while waiting:
        file = waiting.pop()
        if file in ran or apart & {file, *file.parents}:
            continue
        ran.add(file)
        waiting += [found for name in imported(file) if (found := code_of(name)) is not None]
    covered = {path for file in ran for path in (file, *file.parents)}
    assert declared <= covered
    missing = {
        file for file in ran if file.name != "__init__.py" and not declared & {file, *file.parents}
    }
    assert missing == set()
    assert CODE / "detection" / "detectors" not in covered
    assert stage == "explore" or CODE / "detection" not in covered


@pytest.fixture
def repository(project):
    """The project as a git repository with the code and the stages of this one."""
    for name in ("dvc.yaml", ".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore"):
        (project.root / name).parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, project.root / name)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CODE, project.root / "src" / "oddwire", ignore=ignored)
    shutil.copytree(REPOSITORY / "labels", project.root / "labels")
    git(project.root, "init", "--quiet")
    return project


@pytest.fixture
def repro(repository):
    """Run ``dvc repro`` and name the stages that ran."""
    paths = [str(Path(sys.executable).parent), os.environ["PATH"]]
    home = repository.root.parent / "home"
    environment = {**os.environ, "PATH": os.pathsep.join(paths), "HOME": str(home)}
    environment["DVC_SITE_CACHE_DIR"] = str(home / "dvc")

    def repro(target, code=0):
        done = subprocess.run(
            ["dvc", "repro", target], cwd=repository.root, env=environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        repro.output = done.stdout + done.stderr
        assert done.returncode == code, repro.output
        ran = [line for line in repro.output.splitlines() if line.startswith("Running stage")]
        return [line.split("'")[1] for line in ran]

    return repro


@pytest.mark.slow
def test_dvc_runs_what_a_change_concerns_and_nothing_else(repository, repro, table, hashes):
    """One long story, as each run of DVC takes seconds. Its source is one block of params.yaml."""
    root = repository.root
    first = ["settings", "link@mine", "ingest@mine", "prepare@mine"]
    assert repro("prepare@mine") == first
    assert repro("prepare@mine") == []
    outside = (repository.raw("mine") / "train").readlink()

    # The file itself changes: DVC sees it through the link, and takes away the link alone.
    outside.write_text(table(rows=500, attacks=50))
    assert repro("prepare@mine") == ["link@mine", "ingest@mine", "prepare@mine"]
    assert outside.read_text() == table(rows=500, attacks=50)

    # A parameter of one stage, and code of one stage.
    params = root / "params.yaml"
    params.write_text(params.read_text().replace("test: 0.25", "test: 0.3"))
    assert repro("prepare@mine") == ["settings", "prepare@mine"]

    # What is not written is its default: the same value, and the same rows.
    content = yaml.safe_load(params.read_text())
    del content["seed"], content["explore"]
    params.write_text(yaml.safe_dump(content, sort_keys=False))
    assert repro("prepare@mine") == ["settings", "prepare@mine"]  # the seed was another one
    params.write_text("# alone\n" + yaml.safe_dump(content | {"seed": 0}, sort_keys=False))
    assert repro("prepare@mine") == ["settings"]
    code = root / "src" / "oddwire" / "traffic" / "splitting" / "parts.py"
    code.write_text(code.read_text() + "# a change\n")
    (code.parent / "__pycache__").mkdir()
    (code.parent / "__pycache__" / "page.pyc").write_bytes(b"no code")
    assert repro("prepare@mine") == ["prepare@mine"]

    # A file that has moved.
    outside = outside.rename(outside.with_name("moved.csv"))
    content = yaml.safe_load(params.read_text())
    content["sources"]["mine"]["train"] = str(outside)
    params.write_text(yaml.safe_dump(content, sort_keys=False))
    moved = repro("prepare@mine")
    assert moved == ["settings", "link@mine", "ingest@mine"]  # the same rows: prepare rests

    # A broken file ends with our line, and the last good output can be had again.
    good = hashes(repository.ingested("mine")), hashes(repository.prepared("mine"))
    outside.write_text("a,b,c,y\n")
    repro("prepare@mine", code=255)
    assert "has a header but no rows" in repro.output
    assert "Traceback" not in repro.output
    outside.write_text(table(rows=500, attacks=50))
    assert repro("prepare@mine") == ["link@mine"]  # the rows of the good file stayed
    assert (hashes(repository.ingested("mine")), hashes(repository.prepared("mine"))) == good

    # What the lock file says is true on another machine too: the same links, the same rows.
    shutil.rmtree(root / "data")
    lock = (root / "dvc.lock").read_text()
    repro("prepare@mine")
    assert (root / "dvc.lock").read_text() == lock
    assert hashes(repository.prepared("mine")) == good[1]
    assert "data" not in git(root, "status", "--short")


@pytest.mark.slow
def test_dvc_by_hand_deletes_no_file_of_the_user_s(repository, repro, table):
    file = repository.raw("mine") / "flows.csv"
    file.parent.mkdir(parents=True)
    file.write_text(table())
    params = yaml.safe_load(repository.params_file.read_text())
    params["sources"]["mine"]["train"] = "data/raw/mine/flows.csv"
    repository.params_file.write_text(yaml.safe_dump(params))
    assert repro("prepare@mine", code=255) == ["settings"]
    assert "move the file to another folder" in repro.output
    # Not even where only a stray file is in the way.
    params["sources"]["mine"]["train"] = str(repository.root.parent / "my traffic.v2.csv")
    repository.params_file.write_text(yaml.safe_dump(params))
    assert repro("prepare@mine", code=255) == ["settings", "link@mine"]
    assert "is no link" in repro.output
    assert file.read_text() == table()


@pytest.mark.slow
def test_verdicts_run_the_stage_prepare_of_their_source_again_and_no_other(repository, repro):
    assert repro("prepare@mine") == ["settings", "link@mine", "ingest@mine", "prepare@mine"]
    assert repro("prepare@days") == ["link@days", "ingest@days", "prepare@days"]
    rows = pd.read_parquet(repository.prepared("days") / "train.parquet").head(1)
    (row,) = rows.to_dict("records")
    named = {name: row[name] for name in ("uid", "src_ip", "src_port", "dst_ip", "dst_port")}
    start, end = (row[name].value // 1000 for name in ("ts", "end"))
    one = JudgedConnection(start, end, **named, proto=row["proto"])
    table = VerdictTable([Verdict(one, 1, family="scan")])
    repository.labels("days").write_text(table.text())
    assert repro("prepare@mine") == ["settings"]
    assert repro("prepare@days") == ["prepare@days"]
    assert "1 row has its label from people" in repro.output
    assert repro("prepare@days") == []
    # DVC keeps the table: that of a training is had again by its dvc.lock.
    kept = [file.read_text() for file in (repository.root / ".dvc" / "cache").rglob("*")
            if file.is_file() and file.stat().st_size == len(table.text().encode())]  # fmt: skip
    assert table.text() in kept
    repository.labels("days").unlink()
    assert repro("prepare@days") == ["settings"]  # DVC has the rows of before
    assert "data" not in git(repository.root, "status", "--short")
