"""Files of the user's where a stage, a tool or a training would delete them are refused before."""

from __future__ import annotations

import pytest
import yaml
from typer.testing import CliRunner

from oddwire.disk.own_folders import OwnFolders
from oddwire.errors import DataError, OddwireError
from oddwire.params import load_params
from oddwire.project import Project
from oddwire.stages.link import link
from oddwire.stages.settings import write_settings
from oddwire.traffic.sources.reading.files import check_places

ROWS = "a,b\n" + "1,2\n" * 30


@pytest.fixture
def given(tmp_path):
    """Make a project whose source `own` has its file at a path; the file is what it leads to."""
    root = tmp_path / "project"
    root.mkdir()

    def make(path, at=None, **more):
        file = root / (at or path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(ROWS)
        sources = {"own": {"format": "table", "train": path}, "days": {"format": "simulated"}}
        (root / "params.yaml").write_text(yaml.safe_dump({"sources": sources, **more}))
        return Project(root), file

    return make


def refusal(project):
    with pytest.raises(DataError) as raised:
        check_places(load_params(project.params_file), project)
    return str(raised.value)


PLACES = [
    ("data/raw/own/flows.csv", "data/raw"),
    ("data/raw/flows.csv", "data/raw"),  # a source may be called so tomorrow
    ("data/raw/days/flows.csv", "data/raw"),
    ("data/ingested/own/train.csv", "data/ingested"),
    ("data/prepared/days/flows.csv", "data/prepared"),
    ("data/explored/own/flows.csv", "data/explored"),
    ("data/verdicts/own.csv", "data/verdicts"),
    ("data/settings.json", "data/settings.json"),
    ("data/work/own/flows.csv", "data/work"),
    ("data/studies/flows.csv", "data/studies"),
    ("mlruns/artifacts/flows.csv", "mlruns"),
    (".dvc/tmp/flows.csv", ".dvc"),
    ("./data/../data//raw/./own/flows.csv", "data/raw"),
    ("data/downloads/../raw/own/flows.csv", "data/raw"),
]


@pytest.mark.parametrize(("path", "folder"), PLACES)
def test_a_file_in_a_folder_that_is_made_anew_is_refused_with_the_remedy(given, path, folder):
    (given("data/downloads/x.csv")[0].root / "data/raw").mkdir()
    project, file = given(path)
    told = refusal(project)
    assert told.startswith("source 'own': its train file ")
    assert f" is in {folder}, which " in told
    assert "move the file to another folder, such as data/downloads/own" in told
    with pytest.raises(OddwireError, match="makes anew"):
        write_settings(project)
    with pytest.raises(OddwireError, match="makes anew"):
        link(project, "days")  # whatever source's turn it is
    assert file.read_text() == ROWS


@pytest.mark.parametrize(
    "path", ["data/downloads/own/flows.csv", "data/flows.csv", "raw/own/flows.csv", "rawdata.csv"]
)
def test_any_other_folder_will_do(given, path):
    project, _ = given(path)
    check_places(load_params(project.params_file), project)
    link(project, "own")
    assert (project.raw("own") / "train").read_text() == ROWS


def test_a_link_does_not_hide_the_folder(given):
    project, _ = given("mine/flows.csv", at="data/raw/own/flows.csv")
    (project.root / "mine").symlink_to("data/raw/own")
    assert "is in data/raw" in refusal(project)


def test_a_link_in_the_folder_is_lost_too_wherever_it_leads(given, tmp_path):
    project, _ = given("data/raw/own/flows.csv", at="elsewhere.csv")
    (project.root / "data/raw/own").mkdir(parents=True)
    (project.root / "data/raw/own/flows.csv").symlink_to(tmp_path / "project/elsewhere.csv")
    assert "is in data/raw" in refusal(project)
    # …and one that is only a step on the way.
    project, _ = given("first.csv", at="elsewhere.csv")
    (project.root / "first.csv").symlink_to("data/raw/own/flows.csv")
    assert "is in data/raw" in refusal(project)


def test_a_folder_of_the_project_that_is_a_link_is_known_by_both_names(given, tmp_path):
    big = tmp_path / "big disk"
    big.mkdir()
    project, _ = given(str(big / "flows.csv"))
    project.raw("own").parent.mkdir(parents=True)
    project.raw("own").symlink_to(big)
    assert "is in data/raw" in refusal(project)


def test_a_second_name_of_the_folder_is_the_folder(given, monkeypatch):
    """As on a disk where letters' case is nothing: the name differs, the number does not."""
    project, _ = given("data/raw/own/flows.csv")
    there = (project.root / "data/raw").stat()
    own = OwnFolders(project, ["own"])
    (project.root / "Data").symlink_to("data")  # stands for the other spelling
    assert own.holding(project.root / "Data/raw/own/flows.csv") == "data/raw"
    assert (there.st_dev, there.st_ino) in own._names


def test_files_of_new_traffic_are_looked_at_as_well(given):
    project, _ = given("mine.csv", drift={"current": {"own": "data/prepared/*/new.csv"}})
    assert refusal(project).startswith("drift.current.own: data/prepared/*/new.csv is in data/prep")
    project, _ = given("mine.csv", drift={"current": {"own": "data/*/new.csv"}})
    check_places(load_params(project.params_file), project)
    (project.root / "data/raw").mkdir(parents=True)
    (project.root / "data/raw/new.csv").write_text(ROWS)
    assert "is in data/raw" in refusal(project)


def test_a_circle_of_links_is_another_error(given):
    project, _ = given("mine.csv", at="other.csv")
    (project.root / "mine.csv").symlink_to("mine.csv")
    check_places(load_params(project.params_file), project)


def test_a_stray_file_among_the_links_is_never_replaced(given):
    project, _ = given("mine.csv")
    link(project, "own")
    link(project, "own")
    notes = project.raw("own") / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(DataError, match=r"notes\.txt is no link.*move it out of data/raw"):
        link(project, "own")
    assert notes.read_text() == "mine"


def test_params_says_it(given, monkeypatch):
    from oddwire.cli import app

    project, _ = given("data/raw/own/flows.csv")
    monkeypatch.setenv("ODDWIRE_PROJECT", str(project.root))
    done = CliRunner().invoke(app, ["params"])
    assert isinstance(done.exception, DataError)
    assert "is in data/raw" in str(done.exception)


def test_logs_are_looked_at_as_well(given):
    project, _ = given("mine.csv")
    params = yaml.safe_load(project.params_file.read_text())
    for files in ("data/ingested/*/conn.*.log", ["logs/conn.log", "data/raw/zeek/conn.log"]):
        params["sources"]["zeek"] = {"format": "zeek", "files": files}
        project.params_file.write_text(yaml.safe_dump(params))
        assert refusal(project).startswith("source 'zeek': its log data/")
