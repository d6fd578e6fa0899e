"""What a stage writes does not depend on how many rows it holds at once."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from oddwire.params import SimulatedSource
from oddwire.project import Project
from oddwire.stages.explore import explore
from oddwire.stages.ingest import ingest
from oddwire.stages.link import link
from oddwire.stages.prepare import PARTS, prepare
from oddwire.traffic.sources.simulated import simulate


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A table in the order of time, one in none, and one without times that has a test file."""
    folder = tmp_path_factory.mktemp("files")
    rows = simulate(SimulatedSource(format="simulated", days=2, connections_per_day=450))
    rows = rows.drop(columns=["attack", "uid", "src_ip"]).assign(sparse=np.nan)
    rows.loc[700:, "sparse"] = 1.0
    rows.to_csv(folder / "ordered.csv", index=False)
    rows.sample(frac=1, random_state=0).to_csv(folder / "shuffled.csv", index=False)
    rows.drop(columns="ts").iloc[:600].to_csv(folder / "train.csv", index=False)
    rows.drop(columns="ts").iloc[600:].to_csv(folder / "test.csv", index=False)
    return folder


def made(root, files, rows_at_once):
    """Run the stages; return the project."""
    table = {
        "format": "table", "label": "label", "campaign": "campaign", "drop": ["dst_ip"],
        "unit": ["dst_ip", "proto"],
    }  # fmt: skip
    params = {
        "seed": 7,
        "rows_at_once": rows_at_once,
        "sources": {
            "days": {"format": "simulated", "days": 2, "connections_per_day": 450},
            "ordered": {**table, "train": str(files / "ordered.csv"), "time": "ts"},
            "shuffled": {**table, "train": str(files / "shuffled.csv"), "time": "ts"},
            "untimed": {
                **table, "train": str(files / "train.csv"), "test": str(files / "test.csv")
            },
        },
        "explore": {"max_rows": 200},
    }  # fmt: skip
    root.mkdir()
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    project = Project(root)
    for source in params["sources"]:
        for stage in (link, ingest, prepare):
            stage(project, source)
    return project


@pytest.fixture(scope="module")
def projects(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("projects")
    return made(folder / "at_once", files, 100_000), made(folder / "pieces", files, 100)


def files_in(folder):
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("source", ["days", "ordered", "shuffled", "untimed"])
def test_rows_and_parts_are_the_same_to_the_last_bit(projects, source):
    for folder in (Project.ingested, Project.prepared):
        names, others = (files_in(folder(project, source)) for project in projects)
        assert others == names
        for name in names:
            one, other = (folder(project, source) / name for project in projects)
            if name.endswith(".json"):
                assert one.read_text() == other.read_text()
            elif name.endswith(".npz"):
                assert one.read_bytes() == other.read_bytes()
            else:
                frames = pd.read_parquet(one), pd.read_parquet(other)
                pd.testing.assert_frame_equal(*frames, check_exact=True)
    assert {f"{part}.parquet" for part in PARTS} < names
    assert "dropped.parquet" not in names


def test_the_explored_page_is_the_same(projects):
    content = []
    for project in projects:
        explore(project, "shuffled")
        folder = project.explored("shuffled")
        content.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert content[0] == content[1]


def test_rows_beyond_the_most_are_left_out_and_told(projects, capsys):
    project, _ = projects
    params = yaml.safe_load(project.params_file.read_text())
    many = {"format": "simulated", "days": 3, "connections_per_day": 500}
    params |= {"sources": {"many": many}, "split": {"max_rows": 1_000}}
    project.params_file.write_text(yaml.safe_dump(params))
    for stage in (link, ingest, prepare, explore):
        stage(project, "many")
    told = capsys.readouterr().err
    assert "source many has more rows than split.max_rows (1,000): " in told
    folder = project.prepared("many")
    split = json.loads((folder / "split.json").read_text())["split"]
    sizes = {part: len(pd.read_parquet(folder / f"{part}.parquet")) for part in PARTS}
    assert sizes == {part: split[part]["rows"] for part in PARTS}
    assert sum(sizes.values()) == pytest.approx(1_000, abs=2)
    assert split["left_out"]["rows"] + sum(sizes.values()) + split["dropped"]["rows"] == 1_500
    page = (project.explored("many") / "index.html").read_text()
    assert "of the source left out, in whole stretches of time" in page
