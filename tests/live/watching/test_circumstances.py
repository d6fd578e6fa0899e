"""What people do to a project while it is watched: it is said, and as little is lost as can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from oddwire.errors import ParameterError, ServiceError
from oddwire.live.scoring.champion import NextChampion
from oddwire.live.state import STORE_VARIABLE, Store
from oddwire.live.watching import loop
from oddwire.operations.registry.versions import Registry, model_name
from oddwire.operations.tracking.store import Tracking
from oddwire.project import Project
from tests.live_traffic import traffic
from tests.watched import HEADER, SOURCE, Watching, crown, make_watched, watch_all, zeek_lines

ROWS = 400


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return zeek_lines(traffic().rows.iloc[:ROWS])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(loop, "_BEAT_SECONDS", 0.1)
    monkeypatch.setattr(NextChampion.__init__, "__kwdefaults__", {"seconds": 0.2})
    return make_watched(tmp_path / "ours")


def write(project: Project, lines: list[str]) -> None:
    (project.root / "logs" / "conn.log").write_text(HEADER + "".join(lines))


def test_a_source_of_one_name_of_two_projects_is_refused_and_a_moved_project_goes_on(
    project: Project, lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORE_VARIABLE, f"sqlite:///{tmp_path / 'shared.db'}")
    write(project, lines[:200])
    assert watch_all(project).beats[-1].rows == 200
    theirs = make_watched(tmp_path / "theirs")
    write(theirs, lines)
    with pytest.raises(ParameterError, match=f"by another project .*:{project.root}\\): name"):
        watch_all(theirs, sinks=("theirs.jsonl",))
    moved = Project(project.root.rename(tmp_path / "moved"))
    project.root.symlink_to(moved.root)  # where MLflow's store looks for its files
    write(moved, lines)
    assert watch_all(moved).beats[-1].rows == ROWS


def test_a_store_that_is_moved_away_ends_the_watch_and_it_says_so(
    project: Project, lines: list[str]
) -> None:
    write(project, lines[:200])
    with Watching(project) as watching:
        watching.wait_for_rows(200)
        (project.live / "alerts.db").rename(project.live / "away.db")
        with pytest.raises(AssertionError, match=r"was moved or removed while it was in use"):
            watching.wait(lambda: False, "its end", seconds=10)
    assert isinstance(watching.error, ServiceError)


def test_a_broken_allow_list_keeps_nobody_from_watching_and_is_told_until_it_is_mended(
    project: Project, lines: list[str]
) -> None:
    write(project, lines)
    project.allow_list.write_text("- {\n")
    with Watching(project) as watching:
        watching.wait_for_rows(ROWS)
        watching.wait(lambda: watching.last.notices, "its notice")
        told = "the allow-list suppresses nothing until it is mended: allow_list.yaml is not YAML"
        assert watching.last.notices[-1].startswith(told)
        assert any(notice.startswith(told) for notice in watching.heard.notices)
        assert watching.last.suppressed == 0
        project.allow_list.write_text("")
        watching.wait(lambda: not watching.last.notices[-1].startswith(told), "no more of it")
        assert watching.last.notices[-1] == "the allow-list can be read again"


def test_suppressed_alerts_are_counted_once_in_a_while_and_at_the_end(
    project: Project, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, count = [], Store.suppressed
    monkeypatch.setattr(Store, "suppressed", lambda store: counted.append(1) or count(store))
    write(project, lines)
    project.allow_list.write_text("- source: 10.0.0.0/8\n  expires: 2099-01-01\n  reason: known\n")
    with Watching(project) as watching:
        watching.wait_for_rows(ROWS)
        before = len(watching.heard.beats)
        watching.wait(lambda: len(watching.heard.beats) > before + 3, "more heartbeats")
        assert len(counted) == 1
    assert len(counted) == 2
    assert watching.last.suppressed > 0


def test_a_champion_that_is_deleted_goes_on_scoring_and_that_is_told_while_it_is_so(
    project: Project, lines: list[str]
) -> None:
    client = Registry.of(Tracking.connect(project), project).tracking.client
    write(project, lines[:200])
    with Watching(project) as watching:
        watching.wait_for_rows(200)
        client.delete_model_version(model_name(SOURCE), "1")
        told = f"{model_name(SOURCE)} has no champion any more in MLflow: version 1 goes on scoring"
        watching.wait(lambda: any(told in each for each in watching.last.notices), "its notice")
        write(project, lines)
        watching.wait_for_rows(ROWS)
        crown(project, traffic().model)
        watching.wait(lambda: watching.last.model["version"] == "2", "the next champion")
        watching.wait(lambda: not watching.last.notices[-1].startswith(told), "no more of it")
        assert "MLflow answers and has a champion again" in watching.last.notices
