"""The DVC stages: as functions, and run by a real DVC in a project of their own."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from oddwire.detection.contamination import FOREST
from oddwire.errors import DataError, ParameterError
from oddwire.params import load_params
from oddwire.project import Project
from oddwire.stages.explore import explore
from oddwire.stages.ingest import ingest, load_rows
from oddwire.stages.link import link
from oddwire.stages.prepare import PARTS, prepare
from oddwire.stages.running import run, whole_folder
from oddwire.traffic.sources.reading.files import check_files

REPOSITORY = Path(__file__).resolve().parents[2]
STAGES = {"link": link, "ingest": ingest, "prepare": prepare, "explore": explore}
PARAMS = """
seed: 7
sources:
  mine:
    format: table
    train: {train}
    label: y
  days:
    format: simulated
    days: 1
    connections_per_day: 400
split:
  test: 0.25
explore:
  max_rows: 300
"""


def table(rows=400, attacks=40):
    """A small table with attacks at regular places."""
    every = rows // attacks
    lines = [
        f"{at % 97},{(at * 7919) % 1000 / 10},{'tcp' if at % 3 else 'udp'},{int(at % every == 0)}"
        for at in range(rows)
    ]
    return "\n".join(["a,b,c,y", *lines]) + "\n"


@pytest.fixture
def project(tmp_path):
    """A project whose table lies outside of it."""
    root = tmp_path / "project"
    root.mkdir()
    outside = tmp_path / "my traffic.v2.csv"
    outside.write_text(table())
    (root / "params.yaml").write_text(PARAMS.format(train=json.dumps(str(outside))))
    return Project(root)


def hashes(folder):
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.mark.slow
@pytest.mark.parametrize("source", ["mine", "days"])
def test_the_same_input_gives_the_same_bytes(project, source):
    for stage in STAGES.values():
        stage(project, source)
    first = hashes(project.root / "data")
    for stage in STAGES.values():
        stage(project, source)
    assert hashes(project.root / "data") == first
    names = {f"prepared/{source}/{part}.parquet" for part in PARTS}
    names |= {f"ingested/{source}/train.parquet", f"ingested/{source}/rows.json"}
    names |= {f"prepared/{source}/split.json", f"explored/{source}/statistics.json"}
    assert names <= set(first)


def test_prepare_writes_the_parts_and_says_what_is_in_them(project):
    link(project, "mine")
    ingest(project, "mine")
    prepare(project, "mine")
    about = json.loads((project.prepared("mine") / "split.json").read_text())
    assert about["kind"] == "table"
    assert about["source"] == "mine"
    assert about["schema"] == {"numeric": ["a", "b"], "categorical": ["c"]}
    parts = {part: pd.read_parquet(project.prepared("mine") / f"{part}.parquet") for part in PARTS}
    assert sum(map(len, parts.values())) == 400
    for part, frame in parts.items():
        assert len(frame) == about["split"][part]["rows"]
        assert frame["label"].dtype == "Int8"
        assert {"a", "b", "c"} <= set(frame)
    assert not parts["train"]["label"].eq(1).any()
    assert not parts["calibration"]["label"].eq(1).any()


@pytest.mark.parametrize(
    ("label", "split", "left_out"),
    [
        (True, {}, 0),  # all training rows are benign
        (True, {"train_on": "all"}, 9),
        (False, {}, 9),  # a twentieth of 180
        (False, {"contamination": 0.1}, 18),
        (False, {"contamination": 0}, 0),
    ],
)
def test_the_oddest_rows_do_not_train_where_nobody_has_called_them_benign(
    project, label, split, left_out
):
    params = yaml.safe_load(project.params_file.read_text())
    params["split"] |= split
    if not label:
        source = params["sources"]["mine"]
        source |= {"drop": [source.pop("label")]}
    project.params_file.write_text(yaml.safe_dump(params))
    for stage in (link, ingest, prepare):
        stage(project, "mine")
    about = json.loads((project.prepared("mine") / "split.json").read_text())["split"]
    train = pd.read_parquet(project.prepared("mine") / "train.parquet")
    assert about["dropped"]["rows"] == left_out
    assert len(train) == about["train"]["rows"]
    assert sum(about[part]["rows"] for part in PARTS) == 400 - left_out


def test_enough_rows_are_left_to_train_on_whatever_is_left_out(project):
    file = project.root.parent / "few.csv"
    file.write_text("\n".join(table(110, 10).splitlines()) + "\n")
    params = yaml.safe_load(project.params_file.read_text())
    params["sources"]["mine"] = {"format": "table", "train": str(file), "drop": ["y"]}
    params["split"] |= {"contamination": 0.49, "calibration": 0.4}
    project.params_file.write_text(yaml.safe_dump(params))
    for stage in (link, ingest, prepare):
        stage(project, "mine")
    train = pd.read_parquet(project.prepared("mine") / "train.parquet")
    assert 20 <= len(train) < 33


def test_ingested_rows_come_back_with_their_types(project):
    for source in ("mine", "days"):
        link(project, source)
        ingest(project, source)
    rows = load_rows(project.ingested("days"))
    assert rows.kind == "connections"
    assert str(rows.train["ts"].dtype) == "datetime64[us, UTC]"
    assert rows.train["src_port"].dtype == "Int32"
    assert "src_connections_60s" in rows.schema.columns
    counted = json.loads((project.ingested("mine") / "rows.json").read_text())["parts"]["train"]
    assert (counted["rows"], counted["benign"], counted["attacks"]) == (400, 360, 40)


def test_explore_leaves_the_test_rows_alone(project):
    for stage in ("link", "ingest", "prepare"):
        STAGES[stage](project, "mine")
    (project.prepared("mine") / "test.parquet").write_bytes(b"never read")
    explore(project, "mine")
    about = json.loads((project.explored("mine") / "statistics.json").read_text())
    split = json.loads((project.prepared("mine") / "split.json").read_text())["split"]
    assert sum(about["rows"].values()) == 400 - split["test"]["rows"]
    assert sum(about["looked_at"].values()) == 300


def test_explore_writes_one_page_with_its_pictures_and_says_the_sizes(project):
    for stage in ("link", "ingest", "prepare", "explore"):
        STAGES[stage](project, "mine")
    folder = project.explored("mine")
    pictures = {file.stem for file in folder.glob("*.png")}
    assert pictures == {"alone", "categories", "correlation", "distributions", "maps"}
    page = (folder / "index.html").read_text()
    assert page.count("data:image/png;base64,") == len(pictures)
    about = json.loads((folder / "statistics.json").read_text())
    assert about["maps"]["rows"] == 300
    assert f"300 of {sum(about['rows'].values()):,} rows" in page
    assert {suspect["column"] for suspect in about["suspects"]} <= {"a", "b", "c"}


def test_links_keep_the_suffix_and_an_older_output_stays_after_an_error(project):
    link(project, "mine")
    assert [file.name for file in project.raw("mine").iterdir()] == ["train.csv"]
    ingest(project, "mine")
    before = hashes(project.root / "data")
    target = (project.raw("mine") / "train.csv").readlink()
    target.write_text("a,b,c,y\n1,2\n")
    with pytest.raises(DataError, match=r"my traffic\.v2\.csv, line 2: expected 4 values, got 2"):
        ingest(project, "mine")
    target.write_text(table())
    assert hashes(project.root / "data") == before
    target.unlink()
    with pytest.raises(DataError, match=r"source 'mine': its train file .*v2\.csv does not exist"):
        link(project, "mine")


@pytest.mark.parametrize(
    ("stage", "before"), [("ingest", "link"), ("prepare", "ingest"), ("explore", "prepare")]
)
def test_a_stage_out_of_turn_says_which_one_comes_first(project, stage, before):
    with pytest.raises(DataError, match=f"run the stage `{before}` first"):
        STAGES[stage](project, "mine")
    with pytest.raises(ParameterError, match="unknown source 'yours'"):
        STAGES[stage](project, "yours")


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path):
    target = tmp_path / "out"
    with whole_folder(target) as folder:
        (folder / "a").touch()
    with pytest.raises(FileNotFoundError), whole_folder(target) as folder:
        (folder / "b").write_bytes((folder / "missing").read_bytes())
    assert [file.name for file in target.iterdir()] == ["a"]
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_a_stage_takes_one_source(capsys):
    assert run(print, []) == 2
    assert capsys.readouterr().err == "error: a stage takes the name of one source, got []\n"
    assert run(lambda _: None, ["mine"]) == 0


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_on_the_command_line_ends_with_one_line_and_code_2(project, stage):
    done = subprocess.run(
        [sys.executable, "-m", f"oddwire.stages.{stage}", "yours"],
        cwd=project.root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "error: unknown source 'yours': params.yaml has days, mine\n"
    assert done.stdout == ""


def imported(file):
    """Name the modules of oddwire that a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("oddwire."):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def code_of(module):
    path = REPOSITORY / "src" / Path(*module.split("."))
    return next((f for f in (path.with_suffix(".py"), path / "__init__.py") if f.is_file()), None)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_code_that_it_runs(stage):
    """What decides a stage's output stands in its deps, so that a change of it is not missed."""
    # Shared by all stages and by what reads settings; readers end with ingest.
    apart = {"errors.py", "params", "project.py", "running.py"}
    plumbing = {"ingest": ["link.py", "features.py"]}.get(
        stage, ["link.py", "ingest.py", "sources"]
    )
    declared = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"][stage]["do"]["deps"]
    declared = [REPOSITORY / path for path in declared if path.startswith("src/")]
    assert all(path.exists() for path in declared)
    seen, waiting = set(), [code_of(f"oddwire.stages.{stage}")]
    if stage == "prepare":  # a detector is loaded by its name
        waiting.append(code_of(f"oddwire.detection.detectors.{FOREST}"))
    while waiting:
        file = waiting.pop()
        inside = set(file.relative_to(REPOSITORY).parts)
        if file in seen or inside & {*apart, *plumbing}:
            continue
        seen.add(file)
        waiting += [found for name in imported(file) if (found := code_of(name)) is not None]
    missing = {
        str(file.relative_to(REPOSITORY))
        for file in seen
        if not any(path == file or path in file.parents for path in declared)
        and file.name != "__init__.py"
    }
    assert missing == set()


@pytest.fixture
def repository(project):
    """The project as a git repository with the code and the stages of this one."""
    for name in ("dvc.yaml", ".dvcignore", ".gitignore"):
        shutil.copy(REPOSITORY / name, project.root / name)
    (project.root / ".dvc").mkdir()
    for name in ("config", ".gitignore"):
        shutil.copy(REPOSITORY / ".dvc" / name, project.root / ".dvc" / name)
    for folder in ("detection", "stages", "traffic"):
        shutil.copytree(
            REPOSITORY / "src" / "oddwire" / folder,
            project.root / "src" / "oddwire" / folder,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    subprocess.run(["git", "init", "--quiet"], cwd=project.root, check=True)
    return project


@pytest.fixture
def repro(repository):
    """Run ``dvc repro`` and name the stages that ran."""
    paths = [str(Path(sys.executable).parent), os.environ["PATH"]]
    home = repository.root.parent / "home"
    environment = {**os.environ, "PATH": os.pathsep.join(paths), "HOME": str(home)}
    environment["DVC_SITE_CACHE_DIR"] = str(home / "dvc")

    def repro(*targets, code=0):
        done = subprocess.run(
            ["dvc", "repro", *targets], cwd=repository.root, env=environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        output = done.stdout + done.stderr
        assert done.returncode == code, output
        ran = [line for line in output.splitlines() if line.startswith("Running stage")]
        repro.output = output
        return [line.split("'")[1] for line in ran]

    return repro


@pytest.mark.slow
def test_dvc_runs_what_a_change_concerns_and_nothing_else(repository, repro):
    """One long story, as each run of DVC takes seconds."""
    root = repository.root
    assert repro("prepare@mine") == ["link@mine", "ingest@mine", "prepare@mine"]
    assert repro("prepare@mine") == []
    outside = (repository.raw("mine") / "train.csv").readlink()

    # The file itself changes: DVC sees it through the link, and takes away the link alone.
    outside.write_text(table(rows=500, attacks=50))
    assert repro("prepare@mine") == ["link@mine", "ingest@mine", "prepare@mine"]
    assert outside.read_text() == table(rows=500, attacks=50)
    assert repro("explore@mine") == ["explore@mine"]

    # A parameter of one stage, and code of one stage.
    params = root / "params.yaml"
    params.write_text(params.read_text().replace("test: 0.25", "test: 0.3"))
    assert repro("explore@mine") == ["prepare@mine", "explore@mine"]
    code = root / "src" / "oddwire" / "traffic" / "exploring" / "pictures.py"
    code.write_text(code.read_text() + "# a change\n")
    (code.parent / "__pycache__").mkdir()
    (code.parent / "__pycache__" / "page.pyc").write_bytes(b"no code")
    assert repro("explore@mine") == ["explore@mine"]

    # A file that has moved.
    params.write_text(params.read_text().replace("my traffic.v2.csv", "moved.csv"))
    repro("prepare@mine", code=255)
    assert "moved.csv does not exist" in repro.output
    outside = outside.rename(outside.with_name("moved.csv"))
    assert repro("prepare@mine") == ["link@mine", "ingest@mine"]  # the same rows: prepare rests

    # A broken file ends with our line, and the last good output can be had again.
    good = hashes(repository.ingested("mine")), hashes(repository.prepared("mine"))
    outside.write_text("a,b,c,y\n")
    repro("prepare@mine", code=255)
    assert "has a header but no rows" in repro.output
    assert "Traceback" not in repro.output
    outside.write_text(table(rows=500, attacks=50))
    assert repro("prepare@mine") == ["link@mine"]  # DVC has kept the rows of the good file
    assert (hashes(repository.ingested("mine")), hashes(repository.prepared("mine"))) == good
    status = subprocess.run(
        ["git", "status", "--short"], cwd=root, check=True, capture_output=True, text=True
    )
    assert "data" not in status.stdout


@pytest.mark.slow
def test_a_source_is_added_by_one_block(repository, repro):
    (repository.root / "more.csv").write_text(table())
    params = repository.root / "params.yaml"
    block = "sources:\n  more:\n    format: table\n    train: more.csv\n    label: y\n"
    params.write_text(params.read_text().replace("sources:\n", block))
    ran = repro("prepare")
    assert {name for name in ran if name.startswith("prepare")} == {
        "prepare@more",
        "prepare@mine",
        "prepare@days",
    }
    assert repro("prepare") == []
    # What the lock file says is true on another machine too: the same links, the same rows.
    shutil.rmtree(repository.root / "data")
    lock = (repository.root / "dvc.lock").read_text()
    repro("prepare@more")
    assert (repository.root / "dvc.lock").read_text() == lock
    assert (repository.prepared("more") / "test.parquet").is_file()


@pytest.mark.slow
def test_nsl_kdd_is_prepared_from_its_downloads(repository, repro, shared_data):
    downloads = repository.downloads("nsl-kdd")
    downloads.mkdir(parents=True)
    for name in ("KDDTrain+_20Percent.txt", "KDDTest+.txt"):
        shutil.copyfile(shared_data / "nsl-kdd" / name, downloads / name)
    shutil.copy(REPOSITORY / "params.yaml", repository.root / "params.yaml")
    assert repro("prepare@nsl-kdd") == ["link@nsl-kdd", "ingest@nsl-kdd", "prepare@nsl-kdd"]
    split = json.loads((repository.prepared("nsl-kdd") / "split.json").read_text())["split"]
    assert split["method"] == "official"
    assert split["test"]["rows"] == 22_544
    assert repro("prepare@nsl-kdd") == []
    settings = load_params(repository.params_file).source("nsl-kdd")
    shutil.rmtree(downloads)
    with pytest.raises(DataError, match=r"KDDTrain\+_20Percent\.txt does not exist"):
        check_files(settings, root=repository.root, name="nsl-kdd")
