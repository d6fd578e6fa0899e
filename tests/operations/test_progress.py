"""Whoever watches hears of every step of its context, and nobody else does."""

from __future__ import annotations

import threading

import pytest

from oddwire.operations.progress import Progress, progress, step, watched_by


class Notes:
    """Writes down what it hears."""

    def __init__(self):
        self.heard = []

    def begin(self, step, total=None):
        self.heard.append(("begin", step, total))

    def advance(self, step, note=""):
        self.heard.append(("advance", step, note))

    def end(self, step, *, failed=False):
        self.heard.append(("end", step, failed))


def test_a_step_is_begun_advanced_and_ended():
    notes = Notes()
    with watched_by(notes), step("search", 20):
        progress().advance("search", "best 0.9")
    assert notes.heard == [
        ("begin", "search", 20), ("advance", "search", "best 0.9"), ("end", "search", False),
    ]  # fmt: skip


def test_a_step_that_fails_is_ended_and_the_error_passes_on():
    notes = Notes()

    def fail():
        with watched_by(notes), step("fit"):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert notes.heard == [("begin", "fit", None), ("end", "fit", True)]


def test_nobody_watches_unless_told_so():
    assert type(progress()) is Progress
    with step("fit", 3):
        progress().advance("fit")
    assert type(progress()) is Progress


def test_the_one_who_watched_before_watches_again_even_after_an_error():
    outer, inner = Notes(), Notes()

    def fail():
        with watched_by(inner), step("inner"):
            raise KeyError

    with watched_by(outer):
        with pytest.raises(KeyError):
            fail()
        with step("outer"):
            pass
    assert [name for _, name, _ in inner.heard] == ["inner", "inner"]
    assert [name for _, name, _ in outer.heard] == ["outer", "outer"]


def test_another_thread_is_not_heard():
    notes = Notes()

    def work():
        with step("elsewhere"):
            pass

    with watched_by(notes):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert notes.heard == []
