"""A type follows from all rows of the train file, and holds for later files."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from oddwire.params import TableSource
from oddwire.traffic.sources import open_file, read_file


def empty(kind):
    frame = pd.DataFrame({"a": range(20), "later": [None] * 20, "gone": [float("nan")] * 20})
    if kind == "csv":
        return frame.to_csv(index=False).encode()
    sink = io.BytesIO()
    frame.to_parquet(sink)
    return sink.getvalue()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("rows", [None, 2])
def test_a_column_without_a_value_is_a_category_and_whatever_comes_later_is_read(
    table, tmp_path, kind, rows
):
    read = table(empty(kind))
    assert read.schema.numeric == ("a",)
    assert read.schema.categorical == ("later", "gone")
    assert read.remarks == ("empty in every row, and so read as categories: 'later', 'gone'",)
    later = tmp_path / "later.csv"
    later.write_text("a,later,gone\n1,admin,7\n2,,7.0\n3,x,\n")
    source = TableSource(format="table", train="train.csv")
    opened = open_file(source, later, schema=read.schema, rows=rows)
    found = pd.concat(opened.frames(), ignore_index=True)
    assert found["later"].tolist() == ["admin", None, "x"]
    assert found["gone"].tolist() == ["7", "7", None]


def test_the_types_that_a_source_lists_itself_need_no_remark(table):
    read = table("a,n,e\n" + "1,1.4 M,\n2,3,\n" * 10, categorical=["n", "e"])
    assert read.schema.categorical == ("n", "e")
    assert read.remarks == ()


def test_many_columns_are_told_in_one_remark(table):
    names = [f"c{at}" for at in range(12)]
    read = table(",".join(names) + "\n" + ";".join([]) + (",".join(["1 K"] * 12) + "\n") * 20)
    (remark,) = read.remarks
    assert "'c7' (such as '1 K') and 4 more; write" in remark


def test_the_type_of_a_later_file_is_that_of_the_schema(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("a,n\n1,x\n2,y\n")
    source = TableSource(format="table", train=file)
    schema = read_file(source, file).rows.columns
    assert list(schema)[2:] == ["a", "n"]
    typed = next(open_file(source, file).batches()).rows
    assert typed["n"].tolist() == ["x", "y"]
    file.write_text("a,n\n1,5\n2,6\n")
    from oddwire.traffic.schema import FeatureSchema

    read = read_file(source, file, schema=FeatureSchema(("a",), ("n",)))
    assert read.rows["n"].tolist() == ["5", "6"]
