"""What lies outside the project, of whose content an order is told nothing."""

from __future__ import annotations

import pytest

from oddwire.operations.data.elsewhere import is_elsewhere
from oddwire.project import Project


@pytest.fixture
def inside(tmp_path):
    project = Project(tmp_path / "project")
    (project.root / "incoming").mkdir(parents=True)
    (project.root / "incoming" / "a.csv").touch()
    (tmp_path / "secret.csv").touch()
    return project


@pytest.mark.parametrize("place", ["incoming/a.csv", "incoming/*.csv", "**/a.csv", "gone/*.csv"])
def test_what_a_pattern_matches_in_the_project_is_inside(inside, place):
    assert not is_elsewhere(inside, place)


@pytest.mark.parametrize("place", ["**/**/../../secret.csv", "**/../*.csv", "../secret.csv"])
def test_a_pattern_that_climbs_is_elsewhere(inside, place):
    """``**`` stands for no folder too, so that a ``..`` behind it may lead out."""
    assert is_elsewhere(inside, place)


def test_a_pattern_that_matches_a_link_out_of_the_project_is_elsewhere(inside, tmp_path):
    (inside.root / "incoming" / "b.csv").symlink_to(tmp_path / "secret.csv")
    assert is_elsewhere(inside, "incoming/*.csv")
    assert not is_elsewhere(inside, "incoming/a*.csv")
