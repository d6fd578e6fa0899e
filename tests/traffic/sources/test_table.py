"""Any table: CSV and Parquet, odd spellings, and errors that name the place."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from oddwire.errors import DataError, OddwireError
from oddwire.params import TableSource
from oddwire.traffic.schema import FeatureSchema
from oddwire.traffic.sources import read_file, read_source


@pytest.fixture
def table(tmp_path):
    """Write a file and read it as a table source."""

    def read(content, *, name="train.csv", test=None, **keys):
        _write(tmp_path / name, content)
        if test is not None:
            _write(tmp_path / "test.csv", test)
            keys["test"] = "test.csv"
        return read_source(TableSource(format="table", train=name, **keys), root=tmp_path)

    return read


def _write(file, content):
    file.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,x\n2.5,y\n",
        "\ufeffa,b\n1,x\n2.5,y\n",
        "a;b\n1;x\n2.5;y\n",
        "a\tb\n1\tx\n2.5\ty\n",
        "a|b\r\n1|x\r\n2.5|y\r\n",
        ' a ,"b"\n 1 ,"x"\n\n2.5, y\n',
        gzip.compress(b"a,b\n1,x\n2.5,y\n", mtime=0),
    ],
    ids=["comma", "bom", "semicolon", "tab", "bar-crlf", "spaces-quotes-blank-line", "gzip"],
)
def test_reads_the_same_rows_from_every_spelling_of_a_csv(table, content):
    rows = table(content)
    assert rows.kind == "table"
    assert rows.test is None
    assert rows.schema == FeatureSchema(numeric=("a",), categorical=("b",))
    assert rows.train["a"].tolist() == [1.0, 2.5]
    assert rows.train["a"].dtype == np.float64
    assert rows.train["b"].tolist() == ["x", "y"]


def test_reads_parquet_as_it_reads_the_same_csv(table, tmp_path):
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None, 3], dtype="Int64"),
            "f": [0.5, np.inf, np.nan],
            "flag": [True, False, True],
            "c": ["tcp", None, "udp"],
            "state": pd.Categorical(["up", "up", "down"]),
            "y": [0, 1, 0],
        }
    )
    frame.to_parquet(tmp_path / "made.parquet", index=True)
    keys = {"label": "y", "benign": [0]}
    left = table((tmp_path / "made.parquet").read_bytes(), name="train.dat", **keys)
    right = table(frame.to_csv(index=False), **keys)
    assert left.schema == right.schema
    assert left.schema.numeric == ("n", "f", "flag")
    pd.testing.assert_frame_equal(left.train, right.train)


def test_missing_spellings_are_missing_and_infinite_ones_are_numbers(table):
    words = ["", "-", "nan", "NA", "NaN", "null", "NULL", "?", "inf", "-Infinity", "7"]
    rows = table("a,b\n" + "".join(f'"{word}",1\n' for word in words))
    assert rows.schema.numeric == ("a", "b")
    values = rows.train["a"].to_numpy()
    assert np.isnan(values[:8]).all()
    assert values[8:].tolist() == [np.inf, -np.inf, 7.0]


def test_a_column_is_numeric_from_95_percent_of_numbers_on(table):
    def content(strange):
        words = ["x"] * strange + ["1"] * (100 - strange) + ["-"] * 50
        return "a,b\n" + "".join(f"{word},1\n" for word in words)

    assert table(content(6)).schema.categorical == ("a",)
    with pytest.raises(DataError, match="line 2, column 'a': 'x' is not a number"):
        table(content(5))


def test_text_in_a_number_column_names_file_column_line_and_value(table):
    content = "a,b\n" + "1,2\n" * 30 + "\n" + "1,oops\n" + "1,2\n" * 30
    with pytest.raises(DataError, match=r"train\.csv, line 33, column 'b': 'oops'"):
        table(content)
    with pytest.raises(DataError, match=r"test\.csv, line 3, column 'b': 'tcp'"):
        table("a,b\n1,2\n3,4\n", test="a,b\n1,2\n3,tcp\n")


def test_listed_categories_are_text_and_all_others_have_to_be_numbers(table):
    rows = table("port,b\n80,1\n443.0,2\n", categorical=["port"])
    assert rows.schema == FeatureSchema(numeric=("b",), categorical=("port",))
    assert rows.train["port"].tolist() == ["80", "443"]
    with pytest.raises(DataError, match="column 'b': 'x' is not a number"):
        table("port,b\n80,x\n", categorical=["port"])


@pytest.mark.parametrize("benign", [["0"], [0], [0.0], [False], [" 0 "]])
def test_zero_is_zero_however_it_is_written(table, benign):
    rows = table("a,y\n1,0\n2,0.0\n3,1\n4,false\n5,\n", label="y", benign=benign)
    assert rows.train["label"].dtype == "Int8"
    assert rows.train["label"].tolist() == [0, 0, 1, 0, pd.NA]
    assert rows.train["attack"].isna().all()


def test_a_text_label_is_the_family_unless_a_column_names_it(table):
    content = "a,Label,kind\n1,BENIGN,\n2, DDoS ,flood\n3,PortScan,scan\n4,-,scan\n"
    rows = table(content, label="Label", drop=["kind"])
    assert rows.train["label"].tolist() == [0, 1, 1, pd.NA]
    assert rows.train["attack"].tolist() == [None, "DDoS", "PortScan", None]
    rows = table(content, label="Label", attack="kind")
    assert rows.train["attack"].tolist() == [None, "flood", "scan", None]
    assert rows.schema.columns == ("a",)


@pytest.mark.parametrize(
    "times",
    [
        ["2026-03-02T10:00:01.5Z", "2026-03-02 10:00:00"],
        ["2026-03-02T12:00:01.500+02:00", "2026-03-02T10:00:00+00:00"],
        ["1772445601.5", "1772445600"],
        ["1772445601500", "1772445600000"],
        ["1772445601500000", "1772445600000000"],
        ["1772445601500000000", "1772445600000000000"],
    ],
    ids=["iso", "zones", "seconds", "milliseconds", "microseconds", "nanoseconds"],
)
def test_times_are_read_and_order_the_rows(table, times):
    rows = table(f"a,when\n1,{times[0]}\n2,{times[1]}\n", time="when")
    assert str(rows.train["ts"].dtype) == "datetime64[us, UTC]"
    assert rows.train["a"].tolist() == [2.0, 1.0]
    expected = pd.to_datetime(["2026-03-02T10:00:00Z", "2026-03-02T10:00:01.5Z"], format="ISO8601")
    assert (rows.train["ts"] - expected).abs().max() < pd.Timedelta("1us")


def test_a_time_that_cannot_be_read_names_its_line(table):
    with pytest.raises(DataError, match=r"line 3, column 'when': '3/7/2017' is no time"):
        table("a,when\n1,2017-07-03\n1,3/7/2017\n", time="when")
    with pytest.raises(DataError, match="line 3, column 'when': '' is no time"):
        table("a,when\n1,2017-07-03\n1,\n", time="when")


def test_names_in_brackets_are_no_json(table):
    assert table("[ts],[a]\n1,2\n").schema.columns == ("[ts]", "[a]")


def test_identifiers_stay_beside_the_features(table):
    rows = table("a,uid,src_ip,dst_port\n1,C1,10.0.0.1,80\n")
    assert rows.schema.columns == ("a",)
    assert rows.train.loc[0, ["uid", "src_ip", "dst_port"]].tolist() == ["C1", "10.0.0.1", "80"]


@pytest.mark.parametrize(
    ("content", "keys", "words"),
    [
        ("", {}, "train.csv is empty"),
        ("\n \n", {}, "train.csv is empty"),
        ("a,b\n", {}, "has a header but no rows"),
        ("a,b", {}, "has a header but no rows"),
        ("a,b\n1,2\n\n3\n", {}, "train.csv, line 4: expected 2 values, got 1"),
        ("a,b\n1,2\n3,4,5\n", {}, "train.csv, line 3: expected 2 values, got 3"),
        (b"\x7fELF\x00\x01\x02", {}, "bytes that are not text"),
        (b"\xff\xfea\x00,\x00b\x00", {}, "UTF-16"),
        (
            b"#separator \\x09\n#fields\tts\tuid\n1\tC1\n",
            {},
            "train.csv is a Zeek log, which `format: zeek` reads",
        ),
        (b'\n{"ts": 1, "uid": "C1"}\n', {}, "train.csv is JSON: `oddwire sources add`"),
        (b"PAR1 and then junk", {}, "damaged Parquet"),
        (gzip.compress(b"a,b\n" + b"1,2\n" * 999, mtime=0)[:-20], {}, "cannot be read"),
        (b"\x1f\x8b and then junk", {}, "cannot be read"),
        ("a,a\n1,2\n", {}, "'a' is there 2 times"),
        (",a\n0,1\n", {}, "column 1 has no name"),
        ("a,label\n1,2\n", {}, "`label: label`"),
        ("a,attack\n1,2\n", {}, "`attack: attack`"),
        ("a,ts\n1,2\n", {}, "`time: ts`"),
        ("a,b\n1,2\n", {"label": "y"}, "lacks the column 'y', which the source names under label"),
        ("a,b\n1,2\n", {"drop": ["y"]}, "under drop"),
        ("a,b\n1,2\n", {"categorical": ["y"]}, "under categorical"),
        ("uid,src_ip\n1,2\n", {}, "1 to 1000 feature columns, got 0"),
        (",".join(f"c{n}" for n in range(1001)) + "\n" + "1," * 1000 + "1\n", {}, "got 1001"),
    ],
)
def test_bad_input_is_one_line_that_names_the_file(table, content, keys, words):
    with pytest.raises(DataError) as caught:
        table(content, **keys)
    message = str(caught.value)
    assert words in message
    assert "train.csv" in message
    assert "\n" not in message


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv does not exist"):
        read_source(TableSource(format="table", train="none.csv"), root=tmp_path)
    with pytest.raises(DataError, match="is a folder"):
        read_source(TableSource(format="table", train=tmp_path), root=tmp_path)


def test_a_label_column_that_is_empty_in_every_row_is_refused(table):
    unlabelled = "a,verdict\n1,\n2,-\n3,NA\n"
    with pytest.raises(
        DataError,
        match=r"train\.csv: the label column 'verdict' is empty or unknown in every row \('' \(1",
    ):
        table(unlabelled, label="verdict")
    with pytest.raises(DataError, match="is empty or unknown in every row"):
        table(unlabelled, test=unlabelled, label="verdict")
    labelled = table(unlabelled, test="a,verdict\n1,benign\n2,scan\n", label="verdict")
    assert labelled.test["label"].tolist() == [0, 1]


def test_unknown_labels_are_no_attacks(table, tmp_path):
    words = ["benign"] * 3 + ["No Label", "NeedManualLabel", "flow=Background-TCP", "", "-", "bot"]
    content = "a,y\n" + "".join(f"{n},{word}\n" for n, word in enumerate(words))
    rows = table(content, label="y").train
    assert rows["label"].tolist() == [0, 0, 0, pd.NA, pd.NA, pd.NA, pd.NA, pd.NA, 1]
    assert rows["attack"].tolist() == [None] * 8 + ["bot"]
    frame = pd.DataFrame({"a": range(4), "y": ["benign", None, "No Label", "bot"]})
    frame.to_parquet(tmp_path / "t.parquet")
    rows = table((tmp_path / "t.parquet").read_bytes(), label="y").train
    assert rows["label"].tolist() == [0, pd.NA, pd.NA, 1]
    rows = table("a,y\n1,0\n2,1\n3,to check\n4,9\n", label="y", unknown=["To Check", 9]).train
    assert rows["label"].tolist() == [0, 1, pd.NA, pd.NA]


def test_without_a_benign_label_the_error_shows_what_was_seen_and_what_was_read(table):
    """``benign: [no]`` is a truth value in YAML, and so was never the word."""
    content = "a,bad\n" + "1,no\n" * 9 + "1,yes\n" * 3
    with pytest.raises(DataError) as raised:
        table(content, label="bad", benign=yaml.safe_load("[no]"))
    told = str(raised.value)
    assert "the label column 'bad' is benign: the source's `benign` must list what it" in told
    assert "got False; YAML reads no, off and n as False" in told
    assert told.endswith("seen: 'no' (9), 'yes' (3)")
    assert table(content, label="bad", benign=yaml.safe_load('["no"]')).train["label"].sum() == 3
    with pytest.raises(DataError, match=r"got 'benign', 'normal', '0'; seen: 'no' \(9\)"):
        table(content, label="bad")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"unknown": ["?"]}, "unknown needs a label beside it"),
        ({"label": "y", "unknown": ["Normal"]}, "both benign and unknown"),
    ],
)
def test_keys_that_contradict_each_other(keys, words):
    with pytest.raises(ValidationError, match=words):
        TableSource(format="table", train="t.csv", **keys)


def test_a_long_value_is_cut_in_the_message(table):
    rows = "\n".join(["n,m"] + ["1,1"] * 99 + ["x" * 100_000 + ",1"])
    with pytest.raises(DataError, match="is not a number") as raised:
        table(rows)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        ("a,y\n1,{long}\n2,{long}\n", {"label": "y"}),
        ("a,{long}\n1,b\n2,b\n", {"label": "{long}"}),
        ("a,y\n1,b\n2,b\n", {"label": "{long}"}),
        ("a,y\n1,b\n2,b\n", {"label": "y", "benign": ["{long}"]}),
        ("a,y\n1,-\n2,-\n", {"label": "y", "benign": ["{long}"]}),
        ("a,when\n1,{long}\n2,1\n", {"time": "when"}),
        ("a,when\n1,{long}\n2,1\n", {"time": "when", "time_format": "%d.%m.%Y{long}"}),
        ("a,{long}\n1,b\n2,20240610\n", {"time": "{long}"}),
        ("a,b\n1,2\n", {"drop": ["{long}"]}),
    ],
)
def test_no_message_grows_with_what_stands_in_a_file(table, content, keys):
    long = "x" * 100_000

    def filled(value):
        return value.replace("{long}", long) if isinstance(value, str) else [*map(filled, value)]

    with pytest.raises(DataError) as raised:
        table(filled(content), **{key: filled(value) for key, value in keys.items()})
    assert len(str(raised.value)) < 600
    assert "x" * 90 not in str(raised.value)


def test_dropping_a_name_drops_all_its_columns(table):
    assert table("a,a,b\n1,2,3\n", drop=["a"]).schema.columns == ("b",)


def test_windows_characters_are_read(table):
    rows = table("a,y\n1,BENIGN\n2,Web Attack \x96 XSS\n".encode("latin-1"), label="y")
    assert rows.train["attack"].tolist() == [None, "Web Attack \x96 XSS"]


def test_a_thousand_columns(table):
    names = [f"c{n}" for n in range(1000)]
    rows = table(",".join(names) + "\n" + ",".join(map(str, range(1000))) + "\n")
    assert rows.schema.numeric == tuple(names)
    assert rows.train["c999"].tolist() == [999.0]


def test_the_test_file_must_have_the_columns_of_the_train_file(table):
    train = "a,b,c,y\n1,2,3,0\n"
    with pytest.raises(DataError, match=r"test\.csv lacks the column 'b', 'c'.*'d'"):
        table(train, label="y", test="a,d,y\n1,2,0\n")
    with pytest.raises(DataError, match=r"test\.csv lacks the column 'y'"):
        table(train, label="y", test="a,b,c\n1,2,3\n")
    rows = table(train, label="y", test="more,c,b,a,y\n0,3,2,1,1\n")
    assert rows.test is not None
    assert list(rows.test) == list(rows.train)
    assert rows.test["label"].tolist() == [1]


def test_scoring_needs_the_features_alone(tmp_path):
    source = TableSource(format="table", train="train.csv", label="y", time="when", drop=("id",))
    schema = FeatureSchema(numeric=("a",), categorical=("b",))
    file = tmp_path / "new.csv"
    file.write_text("extra,extra,b,a,label\n9,9,x,2,1\n9,9,5,1,1\n")
    rows = read_file(source, file, schema=schema).rows
    assert rows["a"].tolist() == [2.0, 1.0]  # in the order of the file
    assert rows["b"].tolist() == ["x", "5"]
    assert rows["label"].isna().all()
    assert "extra" not in rows
    file.write_text("b,c\nx,1\n")
    with pytest.raises(DataError, match=r"new\.csv lacks the column 'a'"):
        read_file(source, file, schema=schema)
    with pytest.raises(DataError, match="'y', which the source names under label"):
        read_file(source, file)


def test_unsw_nb15_sample(shared_data):
    source = TableSource(
        format="table",
        train=shared_data / "unsw-nb15" / "UNSW_NB15_sample.csv",
        label="label",
        attack="attack_cat",
        drop=("id",),
    )
    rows = read_source(source, root=shared_data)
    assert rows.train["label"].value_counts().to_dict() == {1: 1074, 0: 926}
    assert rows.schema.categorical == ("proto", "service", "state")
    assert len(rows.schema.numeric) == 39
    assert rows.train.loc[rows.train["label"].eq(0), "attack"].isna().all()
    assert rows.train["attack"].value_counts().to_dict()["Generic"] == 434


def test_cicids2017_sample(shared_data):
    source = TableSource(
        format="table",
        train=shared_data / "cicids2017" / "cicids2017_improved_sample.csv",
        label="Label",
        time="Timestamp",
        drop=(
            "id", "Flow ID", "Src IP", "Src Port", "Dst IP", "Dst Port", "Attempted Category",
        ),
    )  # fmt: skip
    rows = read_source(source, root=shared_data)
    assert len(rows.train) == 1102
    assert rows.train["label"].eq(0).sum() == 700
    assert rows.train["ts"].is_monotonic_increasing
    assert rows.schema.categorical == ()
    assert len(rows.schema.numeric) == 82


_WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cs",)), max_size=12
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.lists(_WORDS, min_size=3, max_size=3), min_size=1, max_size=8))
def test_any_text_is_read_or_refused_in_one_line(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("any") / "any.csv"
    pd.DataFrame(rows, columns=["a", "b", "y"]).to_csv(file, index=False)
    try:
        read = read_source(TableSource(format="table", train=file, label="y"), root=file.parent)
    except OddwireError as error:
        words = str(error)
        assert words.startswith(str(file))
    else:
        assert len(read.train) == len(rows)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.floats(allow_nan=False), min_size=1, max_size=30))
def test_numbers_come_back_to_the_last_bit(tmp_path_factory, values):
    file = tmp_path_factory.mktemp("numbers") / "numbers.csv"
    file.write_text("a,b\n" + "".join(f"{value!r},1\n" for value in values))
    read = read_source(TableSource(format="table", train=file), root=file.parent)
    assert read.train["a"].tolist() == values
