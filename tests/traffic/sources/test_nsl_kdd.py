"""NSL-KDD's official files."""

from __future__ import annotations

import pytest

from oddwire.errors import DataError
from oddwire.params import NslKddSource
from oddwire.traffic.sources import nsl_kdd, read_file, read_source

FEATURES = "0,tcp,http,SF," + ",".join(["1"] * 37)


@pytest.fixture
def read(tmp_path):
    def read(content):
        (tmp_path / "train.txt").write_text(content)
        return read_source(NslKddSource(format="nsl-kdd", train="train.txt"), root=tmp_path)

    return read


def test_attack_names_are_families_and_the_difficulty_is_left_out(read):
    rows = read(f"{FEATURES},normal,20\n{FEATURES},neptune,3\n")
    assert rows.kind == "table"
    assert rows.train["label"].tolist() == [0, 1]
    assert rows.train["attack"].tolist() == [None, "neptune"]
    assert rows.schema.categorical == ("protocol_type", "service", "flag")
    assert len(rows.schema.columns) == 41
    assert set(rows.train) == {"label", "attack", *rows.schema.columns}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f"{FEATURES},normal,20\n{FEATURES},normal\n", "line 2: expected 43 values, got 42"),
        (f"{FEATURES},normal\n", "line 1: expected 43 values, got 42"),
        (f"{FEATURES},normal,20,9\n", "line 1: expected 43 values, got 44"),
        (f"x{FEATURES},normal,20\n", "line 1, column 'duration': 'x0'"),
        (",".join(nsl_kdd.COLUMNS) + f"\n{FEATURES},normal,20\n", "have no header"),
        ("", "is empty"),
    ],
)
def test_other_lines_are_refused_by_their_number(read, content, words):
    with pytest.raises(DataError, match=words):
        read(content)


@pytest.mark.parametrize(("more", "labels"), [("", None), (",neptune", [1]), (",normal,3", [0])])
def test_scoring_takes_lines_with_and_without_a_label(tmp_path, more, labels):
    file = tmp_path / "new.txt"
    file.write_text(FEATURES + more + "\n")
    source = NslKddSource(format="nsl-kdd", train="train.txt")
    rows = read_file(source, file, schema=nsl_kdd.SCHEMA).rows
    assert rows["service"].tolist() == ["http"]
    assert (rows["label"].isna().all() and labels is None) or rows["label"].tolist() == labels


def test_the_official_files(shared_data):
    folder = shared_data / "nsl-kdd"
    source = NslKddSource(
        format="nsl-kdd", train=folder / "KDDTrain+_20Percent.txt", test=folder / "KDDTest+.txt"
    )
    rows = read_source(source, root=folder)
    assert rows.test is not None
    assert (len(rows.train), len(rows.test)) == (25_192, 22_544)
    assert rows.train["label"].value_counts().to_dict() == {0: 13_449, 1: 11_743}
    assert rows.test["label"].value_counts().to_dict() == {1: 12_833, 0: 9_711}
    # The file ships with the names of its columns; ours are the same.
    official = (folder / "FieldNames.csv").read_text().split()
    assert [line.split(",")[0] for line in official] == list(nsl_kdd.FEATURES)
    text = {line.split(",")[0] for line in official if line.endswith("symbolic")}
    assert text == set(nsl_kdd.CATEGORICAL)
    assert not rows.train[list(rows.schema.columns)].isna().to_numpy().any()
    assert rows.train["num_outbound_cmds"].nunique() == 1  # constant, and allowed
