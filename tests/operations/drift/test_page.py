"""What the Prefect page shows of the checks before this one."""

from __future__ import annotations

from dataclasses import replace

from rendered import rendered, shown

from oddwire.operations.drift.new_traffic.past_checks import PastCheck
from oddwire.operations.drift.page import drift_markdown
from oddwire.operations.drift.result import DriftResult, Subject
from oddwire.operations.drift.verdict import ColumnDrift, DriftCheck

SUBJECT = Subject(
    source="office", current="today.csv", kind="file", version="2", detector="isolation_forest",
    file="today.csv", start=None, end=None, rows=10, alert_rate=0.01, alert_p_value=0.01,
)  # fmt: skip
CHECK = DriftCheck(
    drifted=False, verdict="No drift.", columns=(ColumnDrift("a", 0.1, 0.2, False, "numeric"),),
    share=0.0, min_share=0.1, reference_rows=10, current_rows=10, method="like hours",
)  # fmt: skip
RESULT = DriftResult(SUBJECT, "abc", CHECK, "report.html")


def past(current, *, drifted=False, **figures):
    return PastCheck(
        run_id="r", run_name="n", key="k", kind="file", current=current, start=None, end=None,
        version="2", drifted=drifted, file="", stamp="", digest="", figures=figures,
    )  # fmt: skip


def rows_of_checks(text):
    _, _, table = text.partition("### The last")
    return [line for line in table.splitlines() if line.startswith("| ")][2:]


def test_the_last_thirty_checks_are_a_table_the_newest_first():
    checks = [past(f"day {number}") for number in range(40)]
    checks[0] = past("day 0", drifted=True, share_of_drifted_columns=0.5, score_distance=0.125,
                     alert_rate=0.02)  # fmt: skip
    text = drift_markdown(RESULT, checks)
    assert "### The last 30 checks" in text
    rows = rows_of_checks(text)
    assert len(rows) == 30
    assert rows[0].split(" | ") == [
        "| day 0", "drift", "50 %", "12.5 %", "2 %", "2 |"
    ]  # fmt: skip
    assert "day 29" in rows[-1]
    assert "no drift" in rows[-1]


def test_a_hostile_name_of_a_past_check_breaks_no_row():
    (row,) = rows_of_checks(drift_markdown(RESULT, [past("a | b\n<script>alert(1)</script>")]))
    assert "<script" not in rendered(row)
    assert row.count(" | ") == 5


def test_what_was_caught_up_on_refused_or_left_is_told():
    result = replace(RESULT, earlier=(RESULT,), refused=("b.csv is empty",), waiting=4)
    text = shown(drift_markdown(result))
    assert "caught up on: 1" in text
    assert "Not checked: b" in text
    assert "next check: 4" in text
    assert "either" not in text
    many = replace(RESULT, refused=tuple(f"{number}.csv is empty" for number in range(1000)))
    assert "Not checked either: 990 more." in many.remarks
    assert len(many.remarks) == 11
    assert "checked before" in drift_markdown(replace(RESULT, already_checked=True))
