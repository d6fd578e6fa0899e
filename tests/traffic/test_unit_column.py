"""Columns that a source names → one text per row."""

from __future__ import annotations

import csv

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from oddwire.traffic.unit_column import unit_texts, with_unit

values = st.none() | st.text(st.characters(exclude_characters="\r\n\0"), min_size=1, max_size=4)
tricky = st.none() | st.sampled_from([",", '"', "a", "a,", ',"a"', '""', "b"])


@given(st.lists(st.tuples(*[tricky | values] * 3), min_size=1, max_size=30))
def test_rows_have_the_same_text_exactly_where_all_columns_are_the_same(rows):
    texts = unit_texts([pd.Series(column, dtype=object) for column in zip(*rows, strict=True)])
    assert len(set(zip(rows, texts, strict=True))) == len(set(rows)) == len(set(texts))
    for row, text in zip(rows, texts, strict=True):
        if text is None:
            assert row == (None, None, None)
        else:
            assert next(csv.reader([text], strict=True)) == [value or "" for value in row]


@given(st.lists(values, min_size=1))
def test_one_column_is_taken_as_it_is(column):
    assert unit_texts([pd.Series(column, dtype=object)]).tolist() == column


def test_ports_are_written_as_whole_numbers_and_the_rows_keep_their_names():
    ports = pd.Series([443, None, 22], dtype="Int32", index=[7, 3, 5])
    texts = unit_texts([ports])
    assert texts.tolist() == ["443", None, "22"]
    assert texts.index.tolist() == [7, 3, 5]


def test_connections_have_a_unit_only_where_the_source_names_columns():
    rows = pd.DataFrame({"src_ip": ["10.0.0.1", None], "dst_port": [22, 80]})
    assert with_unit(rows, ()) is rows
    assert with_unit(rows, ("src_ip", "dst_port"))["unit"].tolist() == ["10.0.0.1,22", ",80"]
    assert "unit" not in rows
    assert with_unit(rows.iloc[:0], ("src_ip",))["unit"].tolist() == []
