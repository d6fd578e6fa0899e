"""Rows that a quote would swallow, and rows that are the header again, are told by their line."""

from __future__ import annotations

import gzip

import pytest


def rows(quoted, count=900):
    """A table in which the categories of some rows begin or end with a stray quote."""
    lines = ["n,proto,m"]
    for at in range(count):
        before, after = quoted.get(at, ("", ""))
        lines.append(f"{at},{before}tcp{after},{at}")
    return "\n".join(lines) + "\n"


STRAY = ('"', "")


@pytest.mark.parametrize(
    "quoted",
    [
        {200: STRAY, 800: STRAY},
        {200: STRAY, 201: ("", '"')},
        {200: STRAY, 203: STRAY, 700: STRAY, 702: STRAY},
    ],
    ids=["600 rows", "one row", "twice"],
)
@pytest.mark.parametrize("packed", [False, True])
def test_rows_inside_a_quoted_value_are_told_by_the_line_of_the_first(refused, quoted, packed):
    content = rows(quoted).encode()
    said = refused(gzip.compress(content) if packed else content)
    assert said.startswith("train.csv, line 202, column 'proto': the value 'tcp,200\\n201,tcp")
    assert said.endswith('holds whole rows of the table; is a quote (") never closed?')
    assert len(said) < 250


def test_a_quote_that_is_never_closed_is_told(refused):
    assert refused(rows({200: STRAY})) == (
        "train.csv, line 202: expected 3 values, got 2, one of them over several lines;"
        ' is a quote (") never closed?'
    )
    # In the last column it takes the rest of the file, and no row is too short.
    lines = [f"{at},{at},{chr(34) * (at == 897)}tcp" for at in range(900)]
    said = refused("\n".join(["n,m,proto", *lines, ""]))
    assert said.startswith("train.csv, line 899, column 'proto': the value 'tcp\\n898,898,tcp")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_other_separators_and_line_ends(refused, end):
    content = rows({20: STRAY, 30: STRAY}, 90).replace(",", ";").replace("\n", end)
    assert "line 22, column 'proto'" in refused(content)


def test_a_few_values_may_span_lines_and_many_may_not(table, refused):
    def notes(count, text):
        return "n,note,m\n" + f'1,"{text}",2\n' * count + "1,x,2\n" * 20

    read = table(notes(10, "two\nlines"))
    assert len(read.rows) == 30
    assert read.rows["note"][0] == "two\nlines"
    said = refused(notes(11, "two\nlines"))
    assert said.startswith("train.csv, line 2: a value in quotes goes on over the end of its line")
    assert "at most 10 line ends of a file" in said
    assert "line 2:" in refused("n,proto\n" + '1,"tcp\n' + "2,udp\n" * 20 + '3,udp"\n')
    # Commas in the text are no separators of rows, unless there are as many as a row has.
    assert table(notes(1, "one, and\na second")).rows["note"][0] == "one, and\na second"


def test_quotes_that_are_closed_or_stand_inside_a_value_take_nothing(table):
    content = "n,agent,m\n" + '1,"a, ""b""",2\n1,5" disk,2\n"1","c","2"\n' * 5
    assert table(content).rows["agent"].tolist() == ['a, "b"', '5" disk', "c"] * 5


@pytest.mark.parametrize("at", [1, 5, 40])
def test_the_header_once_more_is_told_by_its_line(refused, at):
    lines = ["n,proto,m", *(["1,tcp,2"] * 40)]
    lines.insert(at + 1, "n,proto,m")
    assert refused("\n".join(lines)) == (
        f"train.csv, line {at + 2} is the header once more; are these several files in one?"
        " Take the line out"
    )


def test_a_value_that_is_called_like_its_column_is_a_value(table):
    lines = ["proto,kind,m", "tcp,kind,2", *(["tcp,x,2"] * 20)]
    assert table("\n".join(lines)).rows["kind"][0] == "kind"
