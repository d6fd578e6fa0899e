"""What a row of traffic looks like."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd

from oddwire.traffic.connections import CONNECTION_COLUMNS
from oddwire.traffic.schema import RESERVED, UNIT, known_at, time_order


def test_reserved_columns_are_columns_of_a_connection():
    assert set(RESERVED) - {UNIT} <= set(CONNECTION_COLUMNS)


def test_rows_of_one_time_keep_their_order_and_those_of_none_come_first():
    times = pd.to_datetime(["2026-03-02", None, "2026-03-01", "2026-03-01", None], utc=True)
    rows = pd.DataFrame({"ts": times}, index=[7, 7, 3, 5, 1])
    assert time_order(rows).tolist() == [1, 4, 2, 3, 0]


def test_rows_are_known_at_their_end_and_those_of_a_table_at_their_time():
    when = pd.to_datetime(["2026-03-02"], utc=True)
    assert known_at(pd.DataFrame({"ts": when, "end": when})) == "end"
    # A table may have a feature of that name.
    assert known_at(pd.DataFrame({"ts": when, "end": [3.0]})) == "ts"
    assert known_at(pd.DataFrame({"ts": when, "end": ["2026-03-02"]})) == "ts"
    assert known_at(pd.DataFrame({"end": [3.0]})) is None


def test_looking_for_sources_imports_no_reader():
    code = "import oddwire.traffic.sources, sys; print({'pandas', 'pyarrow'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
