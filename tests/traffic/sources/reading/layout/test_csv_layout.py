"""How a file is divided and where its names are: read, or refused by name."""

from __future__ import annotations

import pytest

BODY = [f"{at},{word},{at / 2}" for at, word in enumerate(["tcp", "udp", "icmp"] * 5)]


def lines(first, separator=",", body=BODY, end="\n"):
    return end.join([first, *body, ""]).replace(",", separator)


@pytest.mark.parametrize(
    "content",
    [
        lines("n,proto,m", " "),
        lines("sep=;\nn,proto,m", ";"),
        "\ufeff" + lines('"sep=;"\nn,proto,m', ";", end="\r\n"),
        lines("SEP=\t\nn,proto,m", "\t"),
        "sep=^\n" + lines("n,proto,m", "^"),
        "sep=,\n" + lines("n,proto,m"),
        "\n \n,,\n" + lines("n,proto,m"),
    ],
    ids=["spaces", "sep", "sep-quoted-bom", "sep-tab", "sep-other", "sep-comma", "blank-rows"],
)
def test_the_table_is_read_however_it_is_divided(table, content):
    read = table(content)
    assert read.schema.numeric == ("n", "m")
    assert read.schema.categorical == ("proto",)
    assert read.rows["n"].tolist() == list(range(15))
    assert read.rows["m"].tolist() == [at / 2 for at in range(15)]


def test_a_line_is_named_below_the_line_of_the_separator(refused):
    said = refused("sep=;\nn;m\n" + "1;2\n" * 60 + "1;x\n")
    assert said.startswith("train.csv, line 63, column 'm': 'x' is not a number")


@pytest.mark.parametrize(
    ("first", "value"),
    [
        ("0,tcp,12", "0"),
        ("10.0.0.1,tcp,up", "10.0.0.1"),
        ("x,tcp,2024-03-02 10:00:00", "2024-03-02 10:00:00"),
        ("x,fe80::1,y", "fe80::1"),
        ("x,0x1f,y", "0x1f"),
        ("-1.5e3,a,b", "-1.5e3"),
        ("443,1,0", "443"),
        ("a,b,1", "1"),
    ],
)
def test_a_file_without_a_header_is_refused_by_the_value(refused, first, value):
    said = refused(lines(first))
    assert said == (
        f"train.csv has no header: its first row holds the value {value!r}; put a line with the"
        " names of its columns above it"
    )


def test_a_first_row_of_words_that_are_values_is_no_header(refused):
    body = ["tcp,http,1", "udp,dns,1", "tcp,dns,2", "tcp,http,1"] * 5
    assert "first row holds the value 'tcp'" in refused(lines("tcp,http,x", body=body))
    names = [f"{name},continuous" for name in "abcdefghij"]
    assert "first row holds the value 'continuous'" in refused(lines("z,continuous", body=names))


@pytest.mark.parametrize("first", ["0,1,2", "a,b,0", "tcp,x,y", "bytes,service,1st"])
def test_names_that_only_look_like_values_are_names(table, first):
    assert set(table(lines(first)).schema.columns) == set(first.split(","))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("n\n1\n2\n", "has one column only, 'n'"),
        (lines("n,proto,m", "~"), "has one column only, 'n~proto~m'"),
        (lines("n,proto,m", "  "), "is divided by runs of spaces: write it with one comma"),
        ("Report\nn;m\n1;2\n", "has one column only, 'Report'"),
        ("Report of June\n" + lines("n,proto,m"), "line 2: expected 1 value, got 3; is the first"),
        ("<!DOCTYPE html>\n<html>", "is HTML or XML: export it"),
        ("<?xml version='1.0'?>\n<a/>", "is HTML or XML: export it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "is an old Excel workbook: export it"),
        (b"SQLite format 3\0", "is an SQLite database: export it"),
        (b"ARROW1\0\0x", "is an Arrow (Feather) file: export it"),
        (b"\xd4\xc3\xb2\xa1\x02\0", "is a capture of packets"),
        (b"\x0a\x0d\x0d\x0a\x1c\0", "is a capture of packets"),
    ],
)
def test_what_is_no_table_is_refused_by_name(refused, content, says):
    assert says in refused(content)


def test_a_name_without_end_is_cut(refused):
    name = "x" * 50_000
    for content, keys in (
        (f"{name}\n1\n", {}),
        (f"{name},{name}\n1,2\n", {}),
        (f"{name},b\n" + "1,2\n" * 30 + "oops,2\n", {}),
        ("a,b\n1,2\n", {"label": name}),
    ):
        assert len(refused(content, **keys)) < 500
