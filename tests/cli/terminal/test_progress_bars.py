"""A step is told as it begins, on standard error alone; with ``--json`` to nobody but a person."""

from __future__ import annotations

import pytest

from oddwire.cli.terminal.progress_bars import shown_step


def test_a_step_is_told_before_its_work(capsys):
    with shown_step("read the newest training"):
        told = capsys.readouterr()
    assert (told.out, told.err) == ("", "read the newest training: begins\n")
    assert "read the newest training: done in" in capsys.readouterr().err


def test_a_step_that_fails_says_so(capsys):
    with pytest.raises(KeyError), shown_step("read"):
        raise KeyError
    assert "read: failed after" in capsys.readouterr().err


def test_quiet_steps_leave_no_lines(capsys):
    with shown_step("read", quiet=True):
        pass
    assert capsys.readouterr().err == ""
