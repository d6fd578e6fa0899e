"""Prepared parts that are damaged are one line that says how to make them anew."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from oddwire.errors import DataError
from oddwire.operations.data.prepared import Prepared
from oddwire.traffic.schema import FeatureSchema


@pytest.fixture
def folder(tmp_path):
    """Parts as the stage `prepare` leaves them."""
    folder = tmp_path / "mine"
    folder.mkdir()
    schema = FeatureSchema(("a",)).to_dict()
    content = {"source": "mine", "kind": "table", "schema": schema, "split": {"test": {"rows": 2}}}
    (folder / "split.json").write_text(json.dumps(content))
    pd.DataFrame({"a": [1.0, 2.0]}).to_parquet(folder / "test.parquet")
    return folder


def look_at_everything(folder):
    prepared = Prepared(folder)
    assert prepared.schema.columns == ("a",)
    assert prepared.days("test") is None
    assert prepared.shared_rows.rows == 0
    return prepared.part("test"), prepared.digest("test")


@pytest.mark.parametrize("file", ["split.json", "test.parquet"])
@pytest.mark.parametrize("content", [b"", b"\x00" * 500, b'{"schema": ', b"{}", b"[]", None])
def test_a_damaged_or_missing_file_is_named_with_what_makes_it_anew(folder, file, content):
    assert len(look_at_everything(folder)[0]) == 2
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    what = "missing" if content is None else "damaged"
    match = rf"^{folder / file} is {what}: run `dvc repro prepare@mine` first$"
    with pytest.raises(DataError, match=match):
        look_at_everything(folder)


def test_a_part_that_was_cut_is_damaged(folder):
    file = folder / "test.parquet"
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"test\.parquet is damaged"):
        look_at_everything(folder)
