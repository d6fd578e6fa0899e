"""The table of verdicts: one line for each connection, whatever people and attackers write."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.errors import DataError
from oddwire.traffic.verdicts.table import JudgedConnection, Verdict, VerdictTable, judged_ids

NOON = 1_772_452_800_000_000
ONE = JudgedConnection(NOON, NOON + 5, "C1", "10.0.0.5", 4000, "10.0.0.9", 22, "tcp")

texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    st.sampled_from(
        ["a,b", '"', 'x"y', "two\nlines", "\r", "=cmd|'/c calc'!A0", "'=1", "@x", "-1"]
    ),
)
names = st.none() | texts
ports = st.none() | st.integers(0, 65_535)
connections = st.builds(
    JudgedConnection,
    st.integers(-(2**50), 2**50), st.none() | st.integers(-(2**50), 2**50),
    names, names, ports, names, ports, names,
)  # fmt: skip
verdicts = st.builds(Verdict, connections, st.integers(0, 1), names, texts | st.just(""), texts)


def read(text, folder):
    file = folder / "office.csv"
    file.write_bytes(text.encode())
    return VerdictTable.read(file)


@settings(deadline=None, max_examples=60)
@given(st.lists(verdicts, max_size=6))
def test_what_is_written_is_read_back_whatever_stands_in_it(tmp_path_factory, given):
    table = VerdictTable(given)
    again = read(table.text(), tmp_path_factory.mktemp("labels"))
    assert list(again) == list(table)
    assert again.text() == table.text()


@settings(deadline=None, max_examples=60)
@given(st.lists(verdicts, max_size=6))
def test_no_cell_begins_a_formula(given):
    for line in csv.reader(io.StringIO(VerdictTable(given).text(), newline="")):
        assert not [cell for cell in line if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@given(st.lists(st.tuples(st.sampled_from([1, 2, 3]), st.booleans()), max_size=12))
def test_the_last_verdict_on_a_connection_is_the_one_that_holds(steps):
    """Against a plain dictionary; False takes a verdict away."""
    table, expected = VerdictTable(), {}
    for at, (number, is_given) in enumerate(steps):
        one = replace(ONE, uid=f"C{number}")
        if is_given:
            replaced = table.add([Verdict(one, at % 2, note=str(at))])
            assert replaced == (number in expected)
            expected.pop(number, None)
            expected[number] = str(at)
        else:
            assert table.remove([one]) == (number in expected)
            expected.pop(number, None)
    assert [verdict.note for verdict in table] == list(expected.values())


def test_of_two_lines_on_one_connection_as_after_a_merge_the_later_one_holds(tmp_path):
    first, second = (VerdictTable([Verdict(ONE, label)]).text() for label in (0, 1))
    merged = first + second.splitlines()[1] + "\n"
    assert [verdict.label for verdict in read(merged, tmp_path)] == [1]


def test_a_later_record_of_a_connection_with_an_id_is_the_same_connection():
    assert replace(ONE, end=NOON + 999).key == ONE.key
    without = replace(ONE, uid=None)
    assert replace(without, end=NOON + 999).key != without.key
    assert replace(without, end=None).key == replace(without, end=NOON).key


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "line 1: the columns must be start,end,uid"),
        ("{head}x\n", "line 2: there must be 13 cells, got 1"),
        ("{head}2026-03-02,,,,,,,,harmless,,,,\n", "line 2: label must be benign or attack"),
        ("{head}yesterday,,,,,,,,benign,,,,\n", "line 2: start must be a time, got 'yesterday'"),
        ("{head}2026-03-02,,,,x,,,,benign,,,,\n", "line 2: src_port must be a number or empty"),
        ('{head}"2026\n', "line 2: "),
    ],
)
def test_a_table_that_is_none_names_the_line(text, said, tmp_path):
    with pytest.raises(DataError, match=f"office.csv, {said}"):
        read(text.replace("{head}", VerdictTable().text()), tmp_path)


def test_the_ids_that_were_judged_are_known_without_the_rest_of_a_table(tmp_path):
    file = tmp_path / "office.csv"
    assert judged_ids(file) == frozenset()
    other = replace(ONE, start=NOON + 1)
    given = [Verdict(ONE, 1, alert="a1"), Verdict(other, 0, note="x,\n", alert="=b2")]
    file.write_text(VerdictTable(given).text())
    assert judged_ids(file) == {"a1", "=b2"}
    file.write_text(VerdictTable().text() + "x\n")
    with pytest.raises(DataError, match="line 2: there must be 13 cells"):
        judged_ids(file)


def test_a_spreadsheet_s_way_to_save_it_is_read(tmp_path):
    """With a mark of UTF-8, other ends of lines and a time of a whole day."""
    text = "\ufeff" + VerdictTable().text() + "2026-03-02,,,10.0.0.5,,,,,attack,scan,,,\n"
    (verdict,) = read(text.replace("\n", "\r\n"), tmp_path)
    assert (verdict.connection.start, verdict.label, verdict.family) == (
        NOON - 12 * 3600 * 10**6, 1, "scan"
    )  # fmt: skip
