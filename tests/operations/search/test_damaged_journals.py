"""A damaged journal ends no training: it is set aside, and what is whole of it goes on."""

from __future__ import annotations

import json

import pytest

from oddwire.disk.damaged import all_set_aside
from oddwire.errors import ServiceError
from oddwire.operations.progress import Progress, watched_by
from oddwire.operations.search.plans import StudyPlan
from oddwire.operations.search.studies import close_study

pytestmark = pytest.mark.usefixtures("small_forest")


class Told(Progress):
    """Keeps what was begun."""

    def __init__(self):
        self.lines = []

    def begin(self, step, total=None):  # noqa: ARG002 - as its base
        self.lines.append(step)


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "desk.isolation_forest.journal"


def plan():
    return StudyPlan("desk", "isolation_forest", 3, 60.0, 0, "rows")


def values(result):
    return {trial.number: trial.value for trial in result.trials if trial.value is not None}


def broken(line):
    """A line of the same meaning whose types are none of Optuna's."""
    return json.dumps({**json.loads(line), "trial_id": [], "study_id": {}}).encode() + b"\n"


DAMAGES = {
    "garbage": lambda _: b"<<<<<<< HEAD\n",
    "no text": lambda line: b"\x00" * (len(line) - 1) + b"\n",
    "no UTF-8": lambda line: b"\xff\xfe" + line[2:],
    "torn": lambda line: line[:20],  # and the next line begins in it
    "no operation": lambda _: b"7\n",
    "unknown operation": lambda _: b'{"op_code": 99, "worker_id": "x"}\n',
    "wrong types": broken,
    "empty": lambda _: b"\n",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_journal_damaged_in_its_middle_goes_on_with_what_is_before(study, journal, damage):
    first = study(3)
    lines = journal.read_bytes().splitlines(keepends=True)
    finished = [
        n for n, line in enumerate(lines) if b'"op_code":6' in line and b'"state":1' in line
    ]
    at = finished[1] + 1  # after the second of three trials
    content = b"".join([*lines[:at], DAMAGES[damage](lines[at]), *lines[at + 1 :]])
    journal.write_bytes(content)
    told = Told()
    with watched_by(told):
        again = study(3)
    assert (again.name, again.resumed_trials) == (first.name, 2)
    assert dict(list(values(first).items())[:2]).items() <= values(again).items()
    assert len(values(again)) == 3
    (aside,) = all_set_aside(journal.parent)
    assert aside.read_bytes() == content, "nothing of it is lost"
    (said,) = [line for line in told.lines if str(aside) in line]
    assert f"damaged from line {at + 1} on" in said
    close_study(again.name, plan(), journal.parent)
    assert study(3).resumed_trials == 0
    assert all_set_aside(journal.parent) == [aside], "once"


@pytest.mark.parametrize("content", [b"garbage\n", b"\x00" * 5000 + b"\n", b"[]\n", b"{}\n"])
def test_a_journal_that_is_none_begins_a_new_one(study, journal, content):
    journal.write_bytes(content)
    assert len(values(study(2))) == 2
    (aside,) = all_set_aside(journal.parent)
    assert aside.read_bytes() == content


def test_a_last_line_that_is_whole_and_no_operation_is_damage_too(study, journal):
    """Optuna itself notices it when another line has been written behind it."""
    study(2)
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code": \n')
    assert study(3).resumed_trials == 2
    assert journal.read_bytes().startswith(whole)
    assert study(3).resumed_trials == 3
    assert len(all_set_aside(journal.parent)) == 1


def test_locks_that_a_kill_left_are_removed(study, journal, tmp_path):
    study(2)
    (tmp_path / f"{journal.name}.lock").touch()  # that of the other kind of lock
    (tmp_path / f"{journal.name}.lockdeadbeef.rename").symlink_to(journal)
    study(3)
    assert [file.name for file in tmp_path.iterdir()] == [journal.name]


def test_a_journal_that_cannot_be_read_is_one_line(study, journal):
    journal.mkdir()
    with pytest.raises(ServiceError, match=r"study journal .*\.journal failed: Is a directory"):
        study(2)
