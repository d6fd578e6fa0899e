"""Checks of any files have names of their own, whatever the files are called."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from oddwire.operations.drift.records import run_name
from oddwire.operations.drift.result import Subject
from oddwire.operations.drift.verdict import DriftCheck

CHECK = DriftCheck(
    drifted=False, verdict="", columns=(), share=0.0, min_share=0.1, reference_rows=1,
    current_rows=1, method="",
)  # fmt: skip


def subject(name):
    return Subject(
        source="office", current=name, kind="file", version="1", detector="kmeans", file=name,
        start=None, end=None, rows=1, alert_rate=0.0, alert_p_value=0.01,
    )  # fmt: skip


@given(st.lists(st.text(), max_size=8))
@example(["данные.csv", "трафик.csv"])
@example(["today.csv", "today.csv", "TODAY.csv"])  # of two folders, and in capitals
@example(["x" * 200 + "1.csv", "x" * 200 + "2.csv"])
@example(["...", "***", "", " ", "\x1b[2J", "\N{RIGHT-TO-LEFT OVERRIDE}csv", "(2)", "\ud800"])
def test_no_two_checks_have_one_name(files):
    names = set()
    for file in files:
        names.add(run_name(CHECK, subject(file), names))
    assert len(names) == len(files)
    assert all(name.isprintable() for name in names)
