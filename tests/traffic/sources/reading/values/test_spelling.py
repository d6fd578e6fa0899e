"""Words for missing and spellings of numbers: the value is right, and no type is by accident."""

from __future__ import annotations

import numpy as np
import pytest

from oddwire.errors import ParameterError
from oddwire.params import check_params

MISSING = [
    r"\N", "None", "--", "(empty)", "#N/A", "unknown", "NULL", "null", "nil", "n/a", "N/A", "NA",
    "?", "-", "nan", "-nan", "NaN", "NaT", "<NA>", "(null)", "1.#QNAN", "-1.#IND", "-1.#IND00",
    "1.#SNAN", "-nan(ind)", "#DIV/0!", "#VALUE!", ".", "\N{EM DASH}", "n.a.", " Unknown ",
]  # fmt: skip


def eighth(word, rows=100):
    """A column of whole numbers, every eighth row of which holds a word."""
    lines = [f'{at},"{word}"' if at % 8 == 0 else f"{at},{at}" for at in range(rows)]
    return "\n".join(["a,n", *lines])


@pytest.mark.parametrize("word", MISSING)
def test_known_words_for_missing_are_missing_and_the_column_stays_numeric(table, word):
    read = table(eighth(word))
    assert read.schema.numeric == ("a", "n")
    values = read.rows["n"].to_numpy()
    assert np.isnan(values[::8]).all()
    assert values[1:8].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert read.remarks == ()


@pytest.mark.parametrize("word", ["unknown", "None", r"\N", "(empty)"])
def test_they_are_missing_among_categories_too(table, word):
    read = table(f"a,proto\n1,{word}\n" + "2,tcp\n" * 10)
    assert read.schema.categorical == ("proto",)
    assert read.rows["proto"].tolist() == [None] + ["tcp"] * 10


@pytest.mark.parametrize(
    ("word", "number"),
    [("1.#INF", np.inf), ("-1.#INF", -np.inf), ("1.#INF00", np.inf), ("Infinity", np.inf)],
)
def test_infinity_is_a_number_in_every_spelling(table, word, number):
    assert table(eighth(word)).rows["n"][0] == number


FOR_PEOPLE = {
    "1,5": 'say `decimal: ","`', "1.234,5": 'say `decimal: ","`',
    **dict.fromkeys(
        ("1.4 M", "95 %", "1,234,567", "12 345", "0x1f", "20ms"),
        "write such values as plain numbers",
    ),
}  # fmt: skip
WORDS = dict.fromkeys(("n.v.", "broken"), "list it under `null_values`")


@pytest.mark.parametrize(
    ("word", "way_out", "share"),
    [
        *((word, way_out, 8) for word, way_out in (FOR_PEOPLE | WORDS).items()),
        *((word, way_out, 1) for word, way_out in FOR_PEOPLE.items()),  # and no plain number
    ],
)
def test_numbers_that_become_a_category_are_told_by_name(table, word, way_out, share):
    lines = [f'{at},"{word}"' if at % share == 0 else f"{at},{at}" for at in range(100)]
    read = table("\n".join(["a,n", *lines]))
    assert read.schema.categorical == ("n",)
    (remark,) = read.remarks
    assert remark.startswith("read as categories, though most values are numbers: 'n' (such as")
    assert repr(word) in remark
    assert way_out in remark


def test_words_that_become_missing_numbers_are_told_by_name(table):
    read = table("a,service\n" + "1,unknown\n" * 30 + "1,7\n" * 10)
    assert read.schema.numeric == ("a", "service")
    (remark,) = read.remarks
    assert remark == (
        "read as numbers, though most rows hold a word that is taken as missing: 'service' (such as"
        " 'unknown')"
    )


def test_plain_tables_need_no_remark(table):
    content = "ip,proto,n,port\n" + "".join(
        f"192.168.100.{at},{'tcp' if at % 2 else 'udp'},{at}.5,{at}\n" for at in range(50)
    )
    assert table(content).remarks == ()


def test_the_source_says_what_else_is_missing(table, refused):
    content = "a,n,proto\n" + "1,-1,n.v.\n2,-1.0,tcp\n3,N.V.,-1\n4,4,udp\n" * 5
    read = table(content, null_values=[-1, "n.v."])
    assert read.schema.numeric == ("a", "n")
    assert np.isnan(read.rows["n"][:3]).all()
    assert read.rows["n"][3] == 4
    assert read.rows["proto"][:4].tolist() == [None, "tcp", None, "udp"]
    said = refused("a,n\n" + "1,1\n" * 40 + "1,n.v.\n")
    assert "'n.v.' is not a number" in said
    assert "list it under null_values" in said


@pytest.mark.parametrize("value", [False, None, [1]])
def test_a_word_that_yaml_reads_as_something_else_is_refused(value):
    block = {"format": "table", "train": "t.csv", "null_values": ["x", value]}
    with pytest.raises(ParameterError, match=r"null_values\.1: must be a word in quotes, or a num"):
        check_params({"sources": {"mine": block}})


def test_decimal_commas_by_the_key(table):
    content = "a;n;proto\n" + "1;1,5;6,0\n2;-1.234,5;6\n3;1.000.000;17\n4;2e3;tcp\n5;inf;x\n" * 2
    read = table(content, decimal=",", categorical=["proto"])
    assert read.rows["n"][:5].tolist() == [1.5, -1234.5, 1_000_000, 2000, np.inf]
    assert read.rows["proto"][:2].tolist() == ["6", "6"]
    # Batches without a comma are read by the key all the same.
    read = table("a;n\n" + "1;1.500\n" * 30 + "1;2,5\n" * 5, decimal=",")
    assert read.rows["n"].tolist() == [1500.0] * 30 + [2.5] * 5


def test_a_dot_that_parts_no_thousands_is_no_number_with_decimal_commas(refused):
    assert "'1.5' is not a number" in refused("a;n\n" + "1;2,5\n" * 40 + "1;1.5\n", decimal=",")
