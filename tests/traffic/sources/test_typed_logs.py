"""What a log's reader has checked and typed is the same as if it were checked again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from oddwire.params import ZeekSource
from oddwire.traffic.connections import type_connections
from oddwire.traffic.sources import open_file
from oddwire.traffic.sources.log_source import connections_of
from oddwire.traffic.sources.logs.parsing.columns import LOG_SCHEMA
from oddwire.traffic.sources.reading.raw_table import RawTable

START = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
FULL = {
    "ts": START, "end": START + dt.timedelta(seconds=2), "uid": "C1", "src_ip": "10.0.0.1",
    "src_port": 5000, "dst_ip": "fe80::1", "dst_port": 443, "proto": "tcp", "service": "ssl",
    "duration": 2.0, "src_bytes": 2**40, "dst_bytes": 0, "src_packets": 4, "dst_packets": 3,
    "conn_state": "SF", "history": "ShADadFf", "label": 1, "attack": "c2",
}  # fmt: skip
NEEDED = ("ts", "end", "src_ip", "dst_ip", "proto")


def log(rows: int) -> str:
    """Return a Zeek log of so many connections."""
    lines = [
        f"{1_772_400_000 + row}.5\tC{row}\t10.0.0.{row % 9}\t{1000 + row}\t10.0.1.1\t53\tudp\n"
        for row in range(rows)
    ]
    header = "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n"
    return "#separator \\x09\n" + header + "".join(lines)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {name: None for name in FULL if name not in NEEDED},
        {"service": "", "history": ""},
        {"end": START - dt.timedelta(seconds=1)},
        {"end": None},
    ],
)
def test_connections_of_a_log_are_as_if_they_were_typed_anew(changes):
    rows = pa.Table.from_pylist([FULL, FULL | changes, FULL], schema=LOG_SCHEMA)
    again = type_connections(rows.to_pandas(), origin="again")
    pd.testing.assert_frame_equal(connections_of(RawTable(Path("log"), rows)), again)


def test_rows_do_not_depend_on_how_many_are_read_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("oddwire.traffic.sources.log_source._FIRST_ROWS", 7)
    file = tmp_path / "conn.log"
    file.write_text(log(100))
    source = ZeekSource(format="zeek", files=(str(file),))
    whole = pd.concat(open_file(source, file).frames(), ignore_index=True)
    opened = open_file(source, file, rows=20)
    sizes = [len(frame) for frame in opened.frames()]
    assert sizes == [7, 14, 20, 20, 20, 19]
    for _ in range(2):
        parts = pd.concat(opened.frames(), ignore_index=True)
        pd.testing.assert_frame_equal(parts, whole)
        assert [batch.first for batch in opened.batches()] == [0, 7, 21, 41, 61, 81]


def test_refused_lines_are_counted_once_however_often_a_file_is_read(tmp_path):
    file = tmp_path / "conn.log"
    file.write_text(log(300) + "broken\n")
    source = ZeekSource(format="zeek", files=(str(file),))
    opened = open_file(source, file, rows=100)
    next(opened.raw.batches(["ts"]))
    for _ in range(2):
        assert sum(map(len, opened.frames())) == 300
        assert opened.raw.refused.count == 1
