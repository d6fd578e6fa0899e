"""A project is known again wherever its folder is, and a copy of it is another project."""

from __future__ import annotations

import shutil
from pathlib import Path

from oddwire.live.watching.ownership import ID_FILE, owner_of
from oddwire.project import Project


def made(folder: Path) -> Project:
    folder.mkdir()
    (folder / "params.yaml").touch()
    return Project(folder)


def test_a_project_is_itself_each_time_and_no_other(tmp_path: Path) -> None:
    ours, theirs = made(tmp_path / "ours"), made(tmp_path / "theirs")
    owner = owner_of(ours)
    assert owner_of(ours) == owner
    assert owner_of(theirs).id != owner.id
    assert owner.place.endswith(f":{ours.root}")


def test_a_project_that_has_moved_is_itself_at_another_place(tmp_path: Path) -> None:
    before = owner_of(made(tmp_path / "before"))
    (tmp_path / "before").rename(tmp_path / "after")
    after = owner_of(Project(tmp_path / "after"))
    assert after.id == before.id
    assert after.place.endswith("/after")
    # Another one at the place where it was is none of it.
    assert owner_of(made(tmp_path / "before")).id != after.id
    assert owner_of(Project(tmp_path / "after")) == after


def test_a_project_that_is_still_found_at_its_former_place_is_itself(tmp_path: Path) -> None:
    before = owner_of(made(tmp_path / "before"))
    (tmp_path / "before").rename(tmp_path / "after")
    (tmp_path / "before").symlink_to(tmp_path / "after")
    assert owner_of(Project(tmp_path / "after")).id == before.id


def test_a_copy_is_a_project_of_its_own_and_its_original_stays_itself(tmp_path: Path) -> None:
    ours = owner_of(made(tmp_path / "ours"))
    shutil.copytree(tmp_path / "ours", tmp_path / "copy")
    copy = owner_of(Project(tmp_path / "copy"))
    assert copy.id != ours.id
    assert owner_of(Project(tmp_path / "ours")) == ours
    assert owner_of(Project(tmp_path / "copy")) == copy


def test_an_id_that_a_person_puts_in_is_taken(tmp_path: Path) -> None:
    ours, new = owner_of(made(tmp_path / "ours")), made(tmp_path / "new")
    shutil.rmtree(tmp_path / "ours")
    file = new.live / ID_FILE
    file.parent.mkdir(parents=True)
    file.write_text(f"{ours.id}\n")
    assert owner_of(new).id == ours.id
