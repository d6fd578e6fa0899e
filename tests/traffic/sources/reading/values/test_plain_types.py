"""A column means the same in Parquet, in whatever type it is stored, as in CSV."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def parquet(values, kind):
    """A table of a column `x` of a type, with a gap, repeated to make batches."""
    column = pa.array([*values, None] * 6, kind)
    return written(pa.table({"x": column, "b": list(range(len(column)))}))


def written(content):
    sink = io.BytesIO()
    pq.write_table(content, sink)
    return sink.getvalue()


def csv(words):
    lines = [*words, ""] * 6
    return "x,b\n" + "".join(f"{word},{at}\n" for at, word in enumerate(lines))


TEXT = [
    pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(),
    pa.binary_view(), pa.binary(3), pa.dictionary(pa.int8(), pa.string()), pa.json_(),
]  # fmt: skip


@pytest.mark.parametrize("kind", TEXT, ids=str)
@pytest.mark.parametrize("words", [["tcp", "udp"], ["1.5", "2.0"]], ids=["words", "numbers"])
def test_text_is_text_however_it_is_stored(table, kind, words):
    values = [word.encode() for word in words] if "binary" in str(kind) else words
    stored, plain = table(parquet(values, kind)), table(csv(words))
    assert stored.schema == plain.schema
    assert stored.rows["x"].equals(plain.rows["x"])


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        (pa.bool_(), [True, False], ["True", "False"]),
        (pa.bool_(), [True, False], ["true", "FALSE"]),
        (pa.decimal128(5, 2), [Decimal("1.20"), Decimal(-3)], ["1.20", "-3.00"]),
        (pa.decimal32(5, 2), [Decimal("1.20")], ["1.2"]),
        (pa.decimal256(50, 2), [Decimal("1.20")], ["1.2"]),
        (pa.float16(), [np.float16(1.5)], ["1.5"]),
        (pa.float32(), [0.5], ["0.5"]),
        (pa.uint64(), [2**63], [str(2**63)]),
        (pa.int8(), [7], ["7"]),
        (pa.dictionary(pa.int8(), pa.int64()), [6, 17], ["6", "17"]),
        (pa.duration("ms"), [dt.timedelta(seconds=1.5)], ["1.5"]),
    ],
    ids=str,
)
def test_numbers_and_truth_values_are_those_of_the_csv(table, kind, values, words):
    stored, plain = table(parquet(values, kind)), table(csv(words))
    assert stored.schema.numeric == plain.schema.numeric == ("x", "b")
    np.testing.assert_array_equal(stored.rows["x"], plain.rows["x"])


def test_a_truth_value_is_the_same_category_everywhere(table):
    keys = {"categorical": ["x"]}
    for content in (
        parquet([True, False], pa.bool_()),
        csv(["True", "False"]),
        csv(["TRUE", "false"]),
    ):
        assert table(content, **keys).rows["x"][:3].tolist() == ["true", "false", None]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.list_(pa.int8()), [[1]]),
        (pa.struct([("a", pa.int8())]), [{"a": 1}]),
        (pa.map_(pa.string(), pa.int8()), [[("a", 1)]]),
        (pa.date32(), [dt.date(2024, 1, 1)]),
        (pa.date64(), [dt.date(2024, 1, 1)]),
        (pa.timestamp("ns"), [dt.datetime(2024, 1, 1, tzinfo=dt.UTC)]),
        (pa.time64("us"), [dt.time(1)]),
        (pa.binary(), [b"\xff\xfe"]),
        (pa.uuid(), [b"\xff" * 16]),
    ],
    ids=str,
)
def test_what_is_neither_is_refused_by_name_and_can_be_dropped(table, refused, kind, values):
    content = parquet(values, kind)
    said = refused(content)
    assert "column 'x' holds" in said
    assert said.endswith("list it under drop")
    assert table(content, drop=["x"]).schema.columns == ("b",)


def test_a_scored_file_keeps_such_columns(tmp_path):
    from oddwire.params import TableSource
    from oddwire.traffic.sources import read_file

    kinds = {"v": pa.string_view(), "y": pa.binary(), "d": pa.dictionary(pa.int8(), pa.string())}
    columns = {name: pa.array([b"u", b"v"] if name == "y" else ["u", "v"], kind)
               for name, kind in kinds.items()}  # fmt: skip
    file = tmp_path / "t.parquet"
    pq.write_table(pa.table(columns), file)
    read = read_file(TableSource(format="table", train=file), file)
    own = read.raw.frame()
    own.to_parquet(tmp_path / "scored.parquet")
    assert own["v"].tolist() == own["d"].tolist() == ["u", "v"]
    assert read.rows["y"].tolist() == ["u", "v"]
