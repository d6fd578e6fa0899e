"""What is replaced is one writer's whole, however many write, stop or are killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import time
from pathlib import Path

import pytest

from oddwire.disk.drafts import abandoned, sweep, whole_file, whole_files, whole_folder

SPAWN = multiprocessing.get_context("spawn")
LINES = 400


def write_slowly(targets: list[Path], word: str, rounds: int) -> None:
    """Replace files over and over, each time line by line."""
    for _ in range(rounds):
        with whole_files(targets) as drafts:
            for draft in drafts:
                with draft.open("w", buffering=1) as stream:
                    stream.writelines(f"{word}\n" for _ in range(LINES))


def fill(folder: Path, word: str, rounds: int) -> None:
    for _ in range(rounds):
        with whole_folder(folder) as draft:
            for number in range(5):
                (draft / f"{number}.txt").write_text(word)


def write_until_killed(target: Path, started: Path) -> None:
    with whole_file(target) as draft:
        draft.write_text("half of it")
        started.touch()
        time.sleep(60)


def fill_until_killed(target: Path, started: Path) -> None:
    with whole_folder(target) as draft:
        (draft / "one.txt").write_text("half of it")
        started.touch()
        time.sleep(60)


def side_by_side(work, *arguments: tuple) -> None:
    running = [SPAWN.Process(target=work, args=each) for each in arguments]
    for process in running:
        process.start()
    for process in running:
        process.join(60)
        assert process.exitcode == 0


def stopped_in(work, target: Path, tmp_path: Path):
    """Return a process that is in the middle of writing."""
    started = tmp_path / "started"
    process = SPAWN.Process(target=work, args=(target, started))
    process.start()
    while not started.exists():
        assert process.is_alive()
        time.sleep(0.01)
    return process


def kill(process) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_that_two_processes_write_at_once_are_one_writers_whole(tmp_path):
    pair = [tmp_path / "scored.csv", tmp_path / "scored.explained.csv"]
    side_by_side(write_slowly, *((pair, word, 40) for word in ("left", "right")))
    first, second = (set(file.read_text().splitlines()) for file in pair)
    assert first == second
    assert first in ({"left"}, {"right"})
    assert len(pair[0].read_text().splitlines()) == LINES
    assert names(tmp_path) == ["scored.csv", "scored.explained.csv"]


def test_a_folder_that_two_processes_fill_at_once_is_one_writers_whole(tmp_path):
    side_by_side(fill, *((tmp_path / "out", word, 40) for word in ("left", "right")))
    words = {file.read_text() for file in (tmp_path / "out").iterdir()}
    assert words in ({"left"}, {"right"})
    assert len(names(tmp_path / "out")) == 5
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("work", [write_until_killed, fill_until_killed])
def test_what_a_killed_writer_left_is_removed_by_the_next_and_a_living_ones_is_not(work, tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    process = stopped_in(work, place / "target", tmp_path)
    sweep(place)
    assert len(names(place)) == 1
    assert not abandoned(place)
    kill(process)
    assert len(abandoned(place)) == 1
    with whole_file(place / "another.csv") as draft:
        draft.write_text("whole")
    assert names(place) == ["another.csv"]


def test_after_an_error_the_target_is_as_it_was(tmp_path):
    file, folder = tmp_path / "a.csv", tmp_path / "folder"
    file.write_text("before")
    folder.mkdir()
    (folder / "one.txt").write_text("before")
    with pytest.raises(ZeroDivisionError), whole_file(file) as draft:
        draft.write_text(f"half {1 / 0}")
    with pytest.raises(ZeroDivisionError), whole_folder(folder) as draft:
        (draft / "one.txt").write_text(f"half {1 / 0}")
    assert file.read_text() == (folder / "one.txt").read_text() == "before"
    assert names(tmp_path) == ["a.csv", "folder"]


def test_a_former_folder_that_was_not_replaced_is_kept(tmp_path):
    """A process was killed after it had moved the former one away, before the new one came."""
    former = tmp_path / ".model.oddwire-0123456789abcdef.former"
    former.mkdir()
    sweep(tmp_path)
    assert former.exists()
    with whole_folder(tmp_path / "model"):
        pass
    sweep(tmp_path)
    assert names(tmp_path) == ["model"]


def test_a_replaced_file_keeps_its_permissions(tmp_path):
    file = tmp_path / "secret.csv"
    file.write_text("before")
    file.chmod(0o640)
    with whole_file(file) as draft:
        assert stat.S_IMODE(draft.stat().st_mode) == 0o640
        draft.write_text("after")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_new_file_has_the_permissions_of_any_other(tmp_path):
    (tmp_path / "other").touch()
    with whole_file(tmp_path / "new") as draft:
        draft.write_text("after")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
def test_root_leaves_a_file_to_its_owner(tmp_path):
    file = tmp_path / "theirs.csv"
    file.touch()
    os.chown(file, 12345, 54321)
    with whole_file(file) as draft:
        draft.write_text("after")
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 54321)


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "disk").mkdir()
    file, link = tmp_path / "disk" / "real.csv", tmp_path / "link.csv"
    file.write_text("before")
    link.symlink_to(file)
    with whole_file(link) as draft:
        draft.write_text("after")
    assert link.is_symlink()
    assert file.read_text() == "after"
    assert names(tmp_path / "disk") == ["real.csv"]


def test_what_is_no_ordinary_file_is_not_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, why in {"folder": "Is a directory", "pipe": "not an ordinary file"}.items():
        with pytest.raises(OSError, match=why), whole_file(tmp_path / name):
            pytest.fail("there is nothing to write to")
    assert names(tmp_path) == ["folder", "pipe"]


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path):
    file = tmp_path / "kept.csv"
    file.touch(mode=0o444)
    with pytest.raises(PermissionError), whole_file(file):
        pytest.fail("there is nothing to write to")


def test_the_longest_name_can_be_written_and_what_is_left_of_it_removed(tmp_path):
    name = "ü" * 125 + ".csv"
    with whole_file(tmp_path / name) as draft:
        draft.write_text("whole")
    assert names(tmp_path) == [name]


def test_files_of_others_are_never_swept(tmp_path):
    kept = [".a.csv.part", ".oddwire-0123456789abcdef", ".a.oddwire-xyz", "a.oddwire-" + "0" * 16]
    for name in kept:
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / (".pipe.oddwire-" + "0" * 16))  # opening it must not wait for a writer
    (tmp_path / (".link.oddwire-" + "0" * 16)).symlink_to(tmp_path / kept[0])
    sweep(tmp_path)
    assert set(kept) < set(names(tmp_path))


def test_all_of_a_folder_is_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    target, synced, fsync = tmp_path / "folder", [], os.fsync

    def noted(handle):
        synced.append((os.fstat(handle).st_ino, target.exists()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    with whole_folder(target) as draft:
        (draft / "inside").mkdir()
        (draft / "inside" / "file").write_text("x")
        (draft / "link").symlink_to("nowhere")
        places = (draft, draft / "inside", draft / "inside" / "file")
        inodes = {place.stat().st_ino for place in places}
    assert {inode for inode, there in synced if not there} == inodes
    assert synced[-1] == (tmp_path.stat().st_ino, True)  # its name
