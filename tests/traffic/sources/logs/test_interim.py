"""Of a long connection that is told again and again, the last record counts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddwire.traffic.sources.logs.interim import connection_keys, superseded
from oddwire.traffic.sources.logs.reading import read_log
from oddwire.traffic.sources.logs.tables.reading import read as read_table
from oddwire.traffic.sources.logs.tables.values import TableSettings

NAMES = ("ts", "uid", "id.orig_h", "id.resp_h", "proto", "duration")
# Of A the last record is broken, so that the one before it counts; the second D began later.
ROWS = [
    (1700000000.5, "A", 3600), (1700000001.5, "B", 1), (1700000000.5, "A", 7200),
    (1700000002.5, "D", 1), (1700000000.5, "A", -1), (1700000003.5, "D", 2),
    (1700000001.5, "B", 5), (1700000004.5, None, 1), (1700000004.5, None, 1),
]  # fmt: skip
LEFT = [("A", 7200.0), ("D", 1.0), ("D", 2.0), ("B", 5.0), (None, 1.0), (None, 1.0)]


def written(form: str) -> str:
    full = [(ts, uid, "10.0.0.1", "10.0.0.2", "udp", lasted) for ts, uid, lasted in ROWS]
    if form == "json":
        return "".join(json.dumps(dict(zip(NAMES, row, strict=True))) + "\n" for row in full)
    tab = "," if form == "csv" else "\t"
    lines = [tab.join("-" if one is None else str(one) for one in row) for row in full]
    return "\n".join([tab.join(NAMES), *lines]) + "\n"


@pytest.mark.parametrize("form", ["tsv", "json", "csv"])
@pytest.mark.parametrize("size", [60, 1 << 20])
def test_the_last_record_of_a_connection_counts(tmp_path: Path, form: str, size: int) -> None:
    """Wherever blocks end; every line is read, refused or folded."""
    file = tmp_path / "conn.log"
    file.write_text(written(form))

    if form == "csv":
        parts = list(read_table(file, TableSettings(), size=size))
    else:
        parts = list(read_log(file, size=size))

    rows = [row for part in parts for row in part.connections.to_pylist()]
    assert [(row["uid"], row["duration"]) for row in rows] == LEFT
    assert sum(len(part.refused) for part in parts) == 1
    assert sum(part.folded for part in parts) == len(ROWS) - len(LEFT) - 1


@given(st.lists(st.integers(0, 6), max_size=30))
def test_superseded_are_those_that_come_again(keys: list[int]) -> None:
    """0 stands for no key."""
    expected = [at for at, key in enumerate(keys) if key and key in keys[at + 1 :]]
    assert superseded(np.array(keys, dtype=np.uint64)).tolist() == expected


def test_keys_are_the_same_in_every_file() -> None:
    """They depend on the uid and the start alone."""
    start = pa.array([1, 1, 2, 1], pa.timestamp("us", tz="UTC"))
    table = pa.table({"ts": start, "uid": ["A", "B", "A", None]})
    keys = connection_keys(table)
    assert len(set(keys.tolist())) == 4
    assert keys[3] == 0
    assert connection_keys(table.slice(1)).tolist() == keys[1:].tolist()
