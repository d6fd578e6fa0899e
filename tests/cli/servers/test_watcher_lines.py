"""What `oddwire up` says of the runs that watch, and which of them it has started again."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from flows.watchers import Watcher
from oddwire.cli.servers.watcher_lines import WatcherLines
from oddwire.errors import ServiceError


class Up:
    """The lines that were printed, and the sources that were started again."""

    def __init__(self):
        self.file, self.started, self.refusals = io.StringIO(), [], 0
        self.lines = WatcherLines("http://page", Console(file=self.file, width=80), self.start)

    def start(self, source):
        if self.refusals:
            self.refusals -= 1
            raise ServiceError("busy")
        self.started.append(source)

    def see(self, run, state, message=""):
        self.lines.take([Watcher("office", run, state, message)])

    @property
    def said(self):
        return self.file.getvalue().splitlines()


def test_a_change_is_told_once_and_a_run_that_crashed_is_started_again():
    up = Up()
    for state in ("Starting", "Watching", "Watching", "Crashed", "Crashed"):
        up.see("a", state)
    assert up.said == [
        "  office starting", "  http://page/runs/flow-run/a", "  office watching",
        "  office crashed",
    ]  # fmt: skip
    assert up.started == ["office"]


def test_a_run_that_crashed_before_the_first_look_is_not_started_again():
    up = Up()
    up.see("a", "Crashed")
    up.see("a", "Crashed", "and a message")
    assert up.started == []


def test_a_run_that_crashes_between_two_looks_is_started_again_until_it_is_too_often():
    up = Up()
    up.see("run", "Watching")
    for number in range(6):
        up.see(f"run {number}", "Crashed")
        assert len(up.started) == number + 1
        assert "not started again" not in up.file.getvalue()
    up.see("run 6", "Crashed")
    up.see("run 6", "Crashed")
    assert len(up.started) == 6
    told = "  office crashed 7 times within an hour, and is not started again: oddwire doctor"
    assert up.said[-1] == told
    assert up.said.count(told) == 1


def test_a_server_that_is_busy_uses_up_no_start():
    up = Up()
    up.refusals = 20
    up.see("a", "Watching")
    for _ in range(20):
        with pytest.raises(ServiceError):
            up.see("a", "Crashed")
    up.see("a", "Crashed")
    up.see("a", "Crashed")
    assert up.started == ["office"]
    assert up.said.count("  office crashed") == 1
