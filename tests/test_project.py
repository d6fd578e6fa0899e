"""A project is the nearest folder upwards with a params.yaml, and says where things lie."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from oddwire.errors import ParameterError
from oddwire.project import Project


@pytest.fixture
def root(tmp_path):
    (tmp_path / "params.yaml").write_text("sources: {}\n")
    return tmp_path.resolve()


def test_a_project_is_found_from_any_folder_inside(root, monkeypatch):
    inside = root / "data" / "raw"
    inside.mkdir(parents=True)
    assert Project.find(inside).root == root
    monkeypatch.chdir(inside)
    assert Project.find() == Project(root)


def test_the_nearest_project_wins(root):
    inner = root / "inner"
    inner.mkdir()
    (inner / "params.yaml").touch()
    assert Project.find(inner).root == inner


def test_the_variable_wins_over_the_working_directory(root, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("other")
    (other / "params.yaml").touch()
    monkeypatch.chdir(root)
    monkeypatch.setenv("ODDWIRE_PROJECT", str(other))
    assert Project.find().root == other.resolve()


def test_a_folder_that_the_variable_names_must_hold_the_file_itself(root, monkeypatch):
    inside = root / "inside"
    inside.mkdir()
    monkeypatch.setenv("ODDWIRE_PROJECT", str(inside))
    with pytest.raises(ParameterError, match=f"no params.yaml in {inside}$"):
        Project.find()


def test_no_project_is_an_error_that_names_where_it_was_looked_for(tmp_path):
    with pytest.raises(ParameterError, match=f"no params.yaml in {tmp_path} or any folder above"):
        Project.find(tmp_path)


def test_a_folder_named_params_yaml_is_no_project(tmp_path):
    (tmp_path / "params.yaml").mkdir()
    with pytest.raises(ParameterError, match=r"no params\.yaml"):
        Project.find(tmp_path)


def test_a_link_to_a_project_is_the_project(root, tmp_path_factory):
    link = tmp_path_factory.mktemp("links") / "link"
    link.symlink_to(root)
    assert Project.find(link).root == root


def test_everything_lies_inside_the_project_and_each_source_apart(root):
    project = Project(root)
    single = (project.params_file, project.dvc_lock, project.mlruns, project.studies)
    for path in (*single, project.locks, project.evidently):
        assert path.is_relative_to(root)
    for place in (project.raw, project.ingested, project.prepared, project.explored):
        assert place("one").is_relative_to(root / "data")
        assert place("one") != place("two")
    assert project.downloads("one").is_relative_to(root / "data")
    assert len(set(single)) == len(single)


def test_asking_for_places_makes_none(root):
    project = Project(root)
    _ = project.mlruns, project.studies, project.prepared("one")
    assert [file.name for file in root.iterdir()] == ["params.yaml"]


def test_a_project_cannot_be_moved(root):
    with pytest.raises(FrozenInstanceError):
        Project(root).root = root / "elsewhere"
