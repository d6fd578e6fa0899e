"""The DVC stages as functions."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from oddwire.errors import DataError, ParameterError
from oddwire.stages.explore import explore
from oddwire.stages.ingest import ingest
from oddwire.stages.link import link
from oddwire.stages.prepare import PARTS, prepare
from oddwire.traffic.archive import open_archive

STAGES = {"link": link, "ingest": ingest, "prepare": prepare, "explore": explore}


def run_stages(project, source):
    for stage in (link, ingest, prepare):
        stage(project, source)


@pytest.fixture(scope="module")
def prepared(shared_project):
    """A project whose sources are prepared; tests only read it."""
    for source in ("mine", "days"):
        run_stages(shared_project, source)
    return shared_project


@pytest.fixture(scope="module")
def explored(prepared):
    """The same, its table explored."""
    explore(prepared, "mine")
    return prepared


@pytest.mark.parametrize("source", ["mine", "days"])
def test_the_same_input_gives_the_same_bytes(prepared, hashes, source):
    folders = prepared.ingested(source), prepared.prepared(source)
    first = [hashes(folder) for folder in folders]
    run_stages(prepared, source)
    assert [hashes(folder) for folder in folders] == first
    assert set(first[0]) == {"train.parquet", "rows.json"}
    kept = {"look_back/before.parquet", "look_back/state.npz"} if source == "days" else set()
    assert set(first[1]) == {"split.json", *(f"{part}.parquet" for part in PARTS), *kept}


@pytest.mark.parametrize("most", [None, 1000])
def test_a_test_file_of_the_train_files_rows_is_refused_in_whatever_order(project, table, most):
    mine = yaml.safe_load(project.params_file.read_text())
    train = Path(mine["sources"]["mine"]["train"])
    train.write_text(table(2000, 200))
    head, *lines = train.read_text().splitlines()
    test = train.with_name("other.csv")
    test.write_text("\n".join([head, *reversed(lines)]) + "\n")
    mine["sources"]["mine"]["test"] = str(test)
    if most is not None:  # of each file another half is taken then
        mine["split"]["max_rows"] = most
    project.params_file.write_text(yaml.safe_dump(mine))
    with pytest.raises(DataError, match=r"mine: its test file has the same rows as its train"):
        run_stages(project, "mine")
    assert not project.prepared("mine").exists()


def test_shared_rows_are_counted_and_told_on_the_explored_page(project):
    mine = yaml.safe_load(project.params_file.read_text())
    train = Path(mine["sources"]["mine"]["train"])
    lines = train.read_text().splitlines()
    test = train.with_name("other.csv")
    test.write_text("\n".join([*lines[:200], *(f"{1000 + n},1,tcp,0" for n in range(50))]) + "\n")
    mine["sources"]["mine"]["test"] = str(test)
    project.params_file.write_text(yaml.safe_dump(mine))
    run_stages(project, "mine")
    about = json.loads((project.prepared("mine") / "split.json").read_text())
    assert about["shared_rows"] == {"rows": 199, "of": 249, "expected": 0.0}
    explore(project, "mine")
    page = (project.explored("mine") / "index.html").read_text()
    assert "199 of 249 test rows (79.9 %) also occur before the test part" in page


def test_prepare_writes_the_parts_and_says_what_is_in_them(prepared):
    about = json.loads((prepared.prepared("mine") / "split.json").read_text())
    assert about["kind"] == "table"
    assert about["source"] == "mine"
    assert about["schema"] == {"numeric": ["a", "b"], "categorical": ["c"]}
    parts = {part: pd.read_parquet(prepared.prepared("mine") / f"{part}.parquet") for part in PARTS}
    assert sum(map(len, parts.values())) == 400
    for part, frame in parts.items():
        assert len(frame) == about["split"][part]["rows"]
        assert frame["label"].dtype == "Int8"
        assert {"a", "b", "c"} <= set(frame)
    assert not parts["train"]["label"].eq(1).any()
    assert not parts["calibration"]["label"].eq(1).any()


def test_connections_are_prepared_with_their_features(prepared):
    about = json.loads((prepared.prepared("days") / "split.json").read_text())
    assert about["kind"] == "connections"
    train = pd.read_parquet(prepared.prepared("days") / "train.parquet")
    assert {"src_connections_60s", "dst_side"} <= set(train)
    assert len(about["schema"]["numeric"]) > 40


def test_ingested_rows_come_back_with_their_types(prepared):
    train = open_archive(prepared.ingested("days")).read("train")
    assert str(train["ts"].dtype) == "datetime64[us, UTC]"
    assert train["src_port"].dtype == "Int32"


def test_campaigns_are_counted_in_each_part_and_shown_on_the_explored_page(prepared):
    """Simulated attacks come in campaigns; all of those before the test are in validation."""
    rows = {part: pd.read_parquet(prepared.prepared("days") / f"{part}.parquet") for part in PARTS}
    counted = json.loads((prepared.prepared("days") / "split.json").read_text())["campaigns"]
    named = {part: set(frame["campaign"].dropna()) for part, frame in rows.items()}
    assert counted["campaigns"] == {part: len(names) for part, names in named.items()}
    assert counted["campaigns"]["validation"] > 0
    assert counted["cut"] == len(named["validation"] & named["test"])
    explore(prepared, "days")
    about = json.loads((prepared.explored("days") / "statistics.json").read_text())["campaigns"]
    assert about["count"] == counted["campaigns"]["validation"]
    assert sum(each["rows"] for each in about["families"].values()) == len(
        rows["validation"].dropna(subset=["campaign"])
    )
    page = (prepared.explored("days") / "index.html").read_text()
    assert f"Campaigns by part: {about['count']} in validation" in page
    assert (prepared.explored("days") / "campaigns.png").is_file()
    table = json.loads((prepared.prepared("mine") / "split.json").read_text())
    assert table["campaigns"] is None


def test_explore_writes_one_page_with_its_pictures_and_says_the_sizes(explored):
    folder = explored.explored("mine")
    pictures = {file.stem for file in folder.glob("*.png")}
    assert pictures == {"alone", "categories", "correlation", "distributions", "maps"}
    page = (folder / "index.html").read_text()
    assert page.count("data:image/png;base64,") == len(pictures)
    about = json.loads((folder / "statistics.json").read_text())
    assert about["maps"]["rows"] == 200
    assert f"200 of {sum(about['rows'].values()):,} rows" in page
    assert {one["column"] for one in about["suspects"]} <= {"a", "b", "c"}


@pytest.mark.slow
def test_explore_gives_the_same_bytes_whatever_the_test_rows_hold(explored, hashes):
    first = hashes(explored.explored("mine"))
    about = json.loads((explored.explored("mine") / "statistics.json").read_text())
    split = json.loads((explored.prepared("mine") / "split.json").read_text())["split"]
    assert sum(about["rows"].values()) == 400 - split["test"]["rows"]
    assert sum(about["looked_at"].values()) == 200
    test = explored.prepared("mine") / "test.parquet"
    rows = test.read_bytes()
    test.write_bytes(b"never read")
    explore(explored, "mine")
    test.write_bytes(rows)
    assert hashes(explored.explored("mine")) == first


def test_files_are_linked_and_an_older_output_stays_after_an_error(project, table, hashes):
    link(project, "mine")
    [linked] = project.raw("mine").iterdir()
    ingest(project, "mine")
    before = hashes(project.root / "data")
    target = linked.readlink()
    target.write_text("a,b,c,y\n1,2\n")
    with pytest.raises(DataError, match=r"my traffic\.v2\.csv, line 2: expected 4 values, got 2"):
        ingest(project, "mine")
    target.write_text(table())
    assert hashes(project.root / "data") == before
    target.unlink()
    with pytest.raises(DataError, match=r"source 'mine': its train file .*v2\.csv does not exist"):
        link(project, "mine")


@pytest.mark.parametrize(
    ("stage", "before"),
    [
        ("ingest", "the stage `link`"), ("prepare", "`oddwire ingest mine`"),
        ("explore", "the stage `prepare`"),
    ],
)  # fmt: skip
def test_a_stage_out_of_turn_says_which_one_comes_first(project, stage, before):
    with pytest.raises(DataError, match=f"run {before} first"):
        STAGES[stage](project, "mine")
    with pytest.raises(ParameterError, match="unknown source 'yours'"):
        STAGES[stage](project, "yours")
