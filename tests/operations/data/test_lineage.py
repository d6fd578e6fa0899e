"""Where a training comes from: the commit, what the tree differs by, and what was read."""

from __future__ import annotations

import pytest
import yaml
from small_projects import git

from oddwire.errors import DataError
from oddwire.operations.data.lineage import (
    PACKAGES,
    Lineage,
    check_dvc_lock,
    folder_digest,
    package_versions,
    read_lineage,
)
from oddwire.project import Project

LOCK = {
    "schema": "2.0",
    "stages": {
        "prepare@desk": {"cmd": "python", "outs": [{"path": "data/prepared/desk", "md5": "1"}]},
        "prepare@desk-2": {"cmd": "python"},
        "prepare@other": {"cmd": "python"},
    },
}


@pytest.fixture
def project(tmp_path):
    """A project with a prepared part and no git."""
    root = tmp_path / "project"
    folder = root / "data" / "prepared" / "desk"
    folder.mkdir(parents=True)
    (folder / "train.parquet").write_bytes(b"rows")
    (root / "params.yaml").write_text("seed: 1\n")
    (root / ".gitignore").write_text("/data/\n")
    return Project(root)


@pytest.fixture
def committed(project):
    git(project.root, "init", "-q")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "first")
    return project


def test_a_clean_tree_is_its_commit(committed):
    lineage = read_lineage(committed, "desk")
    assert lineage.git_commit == git(committed.root, "rev-parse", "HEAD").strip()
    assert lineage.git_diff == ""
    assert lineage.tags()["git_tree_clean"] == "yes"
    assert lineage.tags()["git_commit"] == lineage.git_commit


@pytest.mark.parametrize("staged", [False, True])
def test_a_changed_file_is_kept_as_a_diff(committed, staged):
    committed.params_file.write_text("seed: 2\n")
    if staged:
        git(committed.root, "add", "-A")
    lineage = read_lineage(committed, "desk")
    assert "-seed: 1\n+seed: 2\n" in lineage.git_diff
    assert lineage.tags()["git_tree_clean"] == "no"


def test_an_untracked_file_is_named_and_an_ignored_one_is_not(committed):
    (committed.root / "notes.txt").write_text("mine")
    lineage = read_lineage(committed, "desk")
    assert lineage.tags()["git_tree_clean"] == "no"
    assert lineage.git_diff == "untracked: notes.txt\n"


def test_the_lock_file_that_a_training_rewrites_makes_no_tree_dirty(committed):
    committed.dvc_lock.write_text(yaml.safe_dump(LOCK))
    assert read_lineage(committed, "desk").tags()["git_tree_clean"] == "yes"
    git(committed.root, "add", "-A")
    git(committed.root, "commit", "-q", "-m", "lock")
    committed.dvc_lock.write_text("stages: {}\n")
    assert read_lineage(committed, "desk").tags()["git_tree_clean"] == "yes"


def test_colours_and_diff_programs_of_a_person_leave_no_mark(committed):
    git(committed.root, "config", "color.ui", "always")
    git(committed.root, "config", "diff.external", "true")
    committed.params_file.write_text("seed: 2\n")
    diff = read_lineage(committed, "desk").git_diff
    assert "\x1b" not in diff
    assert "+seed: 2" in diff


def test_a_project_inside_a_repository_minds_its_own_folder(tmp_path, project):
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "first")
    (tmp_path / "beside.txt").write_text("not of the project")
    assert read_lineage(project, "desk").tags()["git_tree_clean"] == "yes"


def test_a_huge_diff_is_cut(committed):
    committed.params_file.write_text("x" * 3_000_000)
    assert len(read_lineage(committed, "desk").git_diff) == 1_000_000


def test_bytes_that_are_no_text_do_no_harm(committed):
    committed.params_file.write_bytes(b"\xff\xfe seed\n")
    assert "+\ufffd\ufffd seed" in read_lineage(committed, "desk").git_diff


@pytest.mark.parametrize(
    ("why", "says"),
    [
        ("no repository", "no git repository"),
        ("no commit", "no git commit yet"),
        ("no git", "git is not installed"),
        ("ignored", "the repository around the project ignores it"),
        ("another's", "git refuses the repository of another user (safe.directory)"),
    ],
)
def test_without_a_commit_the_rest_is_there_and_the_reason(project, why, says, monkeypatch):
    if why in {"no commit", "another's"}:
        git(project.root, "init", "-q")
    if why == "ignored":
        git(project.root.parent, "init", "-q")
        (project.root.parent / ".gitignore").write_text("*\n")
        git(project.root.parent, "add", "-f", ".gitignore")
        git(project.root.parent, "commit", "-q", "-m", "first")
    if why == "another's":
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    if why == "no git":
        monkeypatch.setenv("PATH", "")
    lineage = read_lineage(project, "desk")
    assert lineage.git_commit is None
    assert lineage.git_diff == ""
    assert lineage.tags()["git_commit"] == "none"
    assert lineage.tags()["git_tree_clean"] == says
    assert lineage.tags()["data_digest"] == lineage.data_digest


def test_the_lock_entries_are_those_of_the_source_alone(project):
    assert read_lineage(project, "desk").dvc_lock == {}
    project.dvc_lock.write_text(yaml.safe_dump(LOCK))
    locked = read_lineage(project, "desk").dvc_lock
    assert locked == {"prepare@desk": LOCK["stages"]["prepare@desk"]}
    project.dvc_lock.write_text("")
    assert read_lineage(project, "desk").dvc_lock == {}


def test_the_digest_follows_names_and_contents(tmp_path):
    def digest(**files):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        (folder / "not a file").mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text)
        return folder_digest(folder)

    first = digest(a="1", b="2")
    assert first == digest(b="2", a="1")
    others = [digest(a="1", b="3"), digest(a="2", b="1"), digest(a="1", c="2"), digest(a="12")]
    assert len({first, *others}) == 5


def test_the_versions_are_those_installed(monkeypatch):
    versions = package_versions()
    import numpy as np

    assert versions["numpy"] == np.__version__
    assert set(PACKAGES) < set(versions)
    monkeypatch.setattr("oddwire.operations.data.lineage.PACKAGES", ("no-such-package-1",))
    assert package_versions()["no-such-package-1"] == "not installed"


def test_a_lineage_holds_plain_values():
    lineage = Lineage("abc", "", {}, "digest", {})
    assert all(isinstance(value, str) for value in lineage.tags().values())


def test_the_token_of_a_webhook_is_not_kept(committed):
    committed.params_file.write_text(
        'seed: 2\nnotify:\n  webhook: "https://hooks.example/T0KEN"\nurl: http://joe:pass@host\n'
    )
    diff = read_lineage(committed, "desk").git_diff
    assert "+  webhook: ***" in diff
    assert "+url: http://***@host" in diff
    assert "T0KEN" not in diff


@pytest.mark.parametrize(
    "content",
    [
        b"schema: '2.0'\n<<<<<<< HEAD\nstages: {}\n=======\n", b"stages:\n  prepare@mine: [", b"7",
        b"stages: 7\n", b"- 1\n", b"\xff\xfe\x00", b"stages:\n" + b"\x00" * 100,
        b"stages: " + b"[" * 1000, b"a: 1\na: 2\n",
    ],
)  # fmt: skip
def test_a_damaged_dvc_lock_is_one_line_that_says_how_to_mend_it(tmp_path, content):
    project = Project(tmp_path)
    project.dvc_lock.write_bytes(content)
    with pytest.raises(DataError) as raised:
        check_dvc_lock(project)
    told = str(raised.value)
    assert told.startswith(f"{project.dvc_lock} is damaged")
    assert "git checkout -- dvc.lock" in told
    assert "\n" not in told
    assert project.dvc_lock.read_bytes() == content, "it is the user's: never moved"


@pytest.mark.parametrize("content", [None, b"", b"schema: '2.0'\nstages:\n"])
def test_an_empty_dvc_lock_is_none(tmp_path, content):
    project = Project(tmp_path)
    if content is not None:
        project.dvc_lock.write_bytes(content)
    check_dvc_lock(project)
