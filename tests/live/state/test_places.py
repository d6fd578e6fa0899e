"""Whose a store is, and a store that is taken away while it is in use."""

from __future__ import annotations

from pathlib import Path

import pytest

from oddwire.errors import ParameterError, ServiceError
from oddwire.live.state import Owner, Store
from tests.live_runs import SINK, SOURCE, batch, open_store

# XDG_RUNTIME_DIR: on a bare machine, harmless.
pytestmark = pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR is not set")
OURS, THEIRS = Owner("1" * 32, "here:/ours"), Owner("2" * 32, "there:/theirs")


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_store_that_is_taken_away_takes_no_more_commits(
    tmp_path: Path, is_replaced: bool
) -> None:
    file = tmp_path / "alerts.db"
    with open_store(tmp_path) as store:
        following = store.commit(batch(0), after=store.following()).following
        file.rename(tmp_path / "away.db")
        if is_replaced:
            file.touch()
        what = "replaced by another file" if is_replaced else "moved or removed"
        with pytest.raises(ServiceError, match=f"alerts.db.* was {what} while it was in use"):
            store.commit(batch(1), after=following)
        with pytest.raises(ServiceError, match=what):
            store.beat("{}")
    with open_store(tmp_path) as store:
        assert store.following().number == 0
    file.unlink()
    (tmp_path / "away.db").rename(file)  # it is whole, without what lay beside it
    with open_store(tmp_path) as store:
        assert store.following().number == 1
        assert store.waiting(SINK) == 3


def test_a_source_of_another_project_is_refused_before_anything_is_changed(address: str) -> None:
    with Store(address, source=SOURCE, owner=OURS) as store:
        store.commit(batch(0), after=store.following())
    with pytest.raises(ParameterError) as refused:
        Store(address, source=SOURCE, owner=THEIRS, sinks={"theirs": None})
    assert "followed by another project (here:/ours)" in str(refused.value)
    assert OURS.id in str(refused.value)
    with Store(address, source=SOURCE, owner=OURS) as store:
        assert store.states() == []
        assert store.following().number == 1


def test_another_source_of_another_project_and_a_project_that_has_moved_go_on(
    address: str,
) -> None:
    with Store(address, source=SOURCE) as store:  # of a release that asked nobody
        store.commit(batch(0), after=store.following())
    with Store(address, source=SOURCE, owner=OURS) as store:
        assert store.following().number == 1
    with Store(address, source="lab", owner=THEIRS) as store:
        assert store.following().number == 0
    with Store(address, source=SOURCE, owner=Owner(OURS.id, "here:/moved")) as store:
        assert store.following().number == 1
    with pytest.raises(ParameterError, match="here:/moved"):
        Store(address, source=SOURCE, owner=THEIRS)


def test_a_store_of_a_projects_own_is_its_own_whoever_it_was(address: str) -> None:
    with Store(address, source=SOURCE, owner=OURS) as store:
        store.commit(batch(0), after=store.following())
    with Store(address, source=SOURCE, owner=THEIRS, shared=False) as store:
        assert store.following().number == 1
