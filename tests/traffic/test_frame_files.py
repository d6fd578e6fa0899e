"""Frames in Parquet files: what is written, pandas reads back by itself."""

from __future__ import annotations

import datetime as dt
import decimal

import pandas as pd
import pyarrow as pa
import pytest

from oddwire.traffic.frame_files import FrameFile

COLUMNS = {
    "list": pa.array([[1, 2], None]),
    "record": pa.array([{"a": 1}, {"a": 2}]),
    "map": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
    "fixed bytes": pa.array([b"ab", None], pa.binary(2)),
    "bytes": pa.array([b"ab", None]),
    "decimal": pa.array([decimal.Decimal("1.5"), None]),
    "day": pa.array([dt.date(2026, 3, 2), None]),
    "moment": pa.array([dt.datetime(2026, 3, 2, tzinfo=dt.UTC), None]),
    "integer": pa.array([2**60 + 1, None]),
    "nothing": pa.array([None, None]),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_of_any_kind_is_read_back(tmp_path, kind):
    frame = pa.table({"it": COLUMNS[kind]}).to_pandas(types_mapper=pd.ArrowDtype)
    with FrameFile(tmp_path / "it.parquet") as written:
        written.write(frame)
        written.write(frame[1:])
    read = pd.read_parquet(tmp_path / "it.parquet")
    values = [list(it) if kind in {"list", "map"} else it for it in read["it"] if it is not None]
    known = COLUMNS[kind].to_pylist()
    known = [*known, known[1]]
    assert [it for it in values if it is not pd.NA and it is not pd.NaT] == [
        it for it in known if it is not None
    ]
