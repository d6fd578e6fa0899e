"""Which rows verdicts are about, and what becomes of their labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.traffic.connections import type_connections
from oddwire.traffic.verdicts.matching import JUDGED_BY, JudgedRows
from oddwire.traffic.verdicts.table import JudgedConnection, Verdict, VerdictTable
from oddwire.traffic.wire_text import short_name

NOON = pd.Timestamp("2026-03-02 12:00", tz="UTC")


def rows_of(count, **columns):
    """Make connections that begin every second and end half a second later."""
    frame = pd.DataFrame({
        "ts": NOON + pd.to_timedelta(np.arange(count), unit="s"),
        "uid": [f"C{at}" for at in range(count)],
        "src_ip": "10.0.0.5", "src_port": 4000, "dst_ip": "10.0.0.9", "dst_port": 22,
        "proto": "tcp", "duration": 0.5,
    })  # fmt: skip
    return type_connections(frame.assign(**columns), origin="test")


def judged(rows, at, **change):
    """Name a row as an alert does."""
    row = rows.iloc[at]
    named = {
        "start": row["ts"].value // 1000, "end": row["end"].value // 1000,
        **{name: short_name(str(row[name])) for name in ("uid", "src_ip", "dst_ip", "proto")},
        "src_port": int(row["src_port"]), "dst_port": int(row["dst_port"]),
    }  # fmt: skip
    return JudgedConnection(**named | change)


def found(rows, verdicts, size=7):
    batches = [rows[list(JUDGED_BY)][at : at + size] for at in range(0, len(rows), size)]
    return JudgedRows.find(batches, VerdictTable(verdicts))


@settings(deadline=None, max_examples=30)
@given(st.sets(st.integers(0, 39)), st.integers(1, 50), st.integers(1, 50))
def test_rows_are_found_and_labelled_however_they_are_cut(places, size, other):
    rows = rows_of(40)
    verdicts = [Verdict(judged(rows, at), at % 2, family=f"f{at}") for at in places]
    rows_judged = found(rows, verdicts, size)
    assert rows_judged.places.tolist() == sorted(places)
    pieces = [rows_judged.on(rows[at : at + other], at) for at in range(0, 40, other)]
    labelled = pd.concat(pieces)
    for at in range(40):
        label = labelled["label"].iloc[at]
        assert (None if pd.isna(label) else label) == (at % 2 if at in places else None)
        assert labelled["attack"].iloc[at] == (f"f{at}" if at in places and at % 2 else None)
    assert rows["label"].isna().all()  # what was given stays as it was


def test_a_row_of_another_connection_is_not_taken_for_it():
    rows = rows_of(3)
    others = [
        judged(rows, 1, **change)
        for change in (
            {"uid": "C9"}, {"src_ip": "10.0.0.6"}, {"dst_port": 23}, {"proto": "udp"},
            {"start": NOON.value // 1000}, {"src_port": None},
        )
    ]  # fmt: skip
    rows_judged = found(rows, [Verdict(one, 1) for one in others])
    assert (len(rows_judged), rows_judged.not_found) == (0, len(others))
    assert "6 verdicts are about no row of the period" in rows_judged.sentence


def test_a_name_that_harms_is_found_by_what_the_alert_calls_it():
    rows = rows_of(2, uid=["x" * 5000, "=cmd\x1b[2J"])
    assert found(rows, [Verdict(judged(rows, at), 1) for at in (0, 1)]).places.tolist() == [0, 1]


def test_a_connection_without_an_id_is_told_from_others_by_its_end():
    rows = rows_of(2, uid=None, ts=NOON, duration=[1.0, 2.0])
    rows_judged = found(rows, [Verdict(judged(rows, 1, uid=None), 1)])
    assert rows_judged.places.tolist() == [1]


def test_a_verdict_wins_over_the_log_and_is_counted():
    rows = rows_of(
        4, label=[1, 1, 0, 0], attack=["scan", "scan", None, None], campaign=["scan 1"] * 4
    )
    verdicts = [Verdict(judged(rows, at), label) for at, label in ((0, 0), (1, 1), (2, 1))]
    rows_judged = found(rows, verdicts)
    labelled = rows_judged.on(rows)
    assert labelled["label"].tolist() == [0, 1, 1, 0]
    assert labelled["attack"].tolist() == [None, "scan", None, None]  # no family was said: it stays
    assert labelled["campaign"].tolist() == [None, "scan 1", "scan 1", "scan 1"]
    assert (rows_judged.overruled, rows_judged.alone) == (2, False)
    assert "2 of them otherwise than the log says" in rows_judged.sentence


@pytest.mark.parametrize("judged_rows", [JudgedRows.none(), found(rows_of(3), [])])
def test_without_verdicts_nothing_changes(judged_rows):
    rows = rows_of(3)
    assert judged_rows.on(rows) is rows
    assert (judged_rows.alone, judged_rows.sentence) == (False, "")


def test_benign_verdicts_can_be_left_unsaid_among_some_rows():
    rows = rows_of(4)
    rows_judged = found(rows, [Verdict(judged(rows, at), at % 2, family="f") for at in range(4)])
    assert rows_judged.alone
    labelled = rows_judged.unsaid(np.array([True, True, False, False])).on(rows)
    assert labelled["label"].isna().tolist() == [True, False, False, False]
    assert labelled["attack"].tolist() == [None, "f", None, "f"]
