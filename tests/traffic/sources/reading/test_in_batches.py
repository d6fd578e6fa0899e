"""A file read in batches gives what it gives as a whole, to the last bit, whatever the batches."""

from __future__ import annotations

import gzip
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oddwire.errors import DataError
from oddwire.params import NslKddSource, SimulatedSource, TableSource
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES, connection_features
from oddwire.traffic.features.in_batches import FeaturesInBatches
from oddwire.traffic.schema import FeatureSchema
from oddwire.traffic.sources import nsl_kdd, open_file, read_file
from oddwire.traffic.sources.reading.raw_file import open_raw
from oddwire.traffic.sources.reading.time_order import in_time_order
from oddwire.traffic.sources.simulated import simulate

SIMULATED = SimulatedSource(format="simulated", days=1, connections_per_day=400)
TABLE = TableSource(format="table", train="t.csv", label="y", time="when", categorical=("kind",))
SCHEMA = FeatureSchema(("a", "b"), ("kind",))
# What a single batch of a column could be taken for: all missing, all whole, all text, all dates.
CELLS = st.sampled_from(
    [
        "",
        "-",
        "1",
        "2.50",
        "1e400",
        "nan",
        " 7 ",
        "-0",
        r"\N",
        "unknown",
        "1.#INF",
        "-1.#IND",
        "True",
    ]
)
KINDS = st.sampled_from(["", "tcp", "6.0", "6", "?", "=1", '"a\nb"', "ä", "None", "true", "TRUE"])
TIMES = st.sampled_from(["2026-03-02", "1772445600", "2026-03-02T10:00:00.5+02:00", "", "20260302"])
ROWS = st.lists(
    st.tuples(CELLS, CELLS, KINDS, TIMES, st.sampled_from(["0", "1", ""])), min_size=1, max_size=30
)
SLOWLY = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def laid_end_to_end(opened):
    batches = list(opened.batches())
    assert [batch.first for batch in batches] == np.cumsum(
        [0, *(len(batch.rows) for batch in batches[:-1])]
    ).tolist()
    return pd.concat([batch.rows for batch in batches], ignore_index=True)


def in_order(opened):
    parts = list(in_time_order(opened))
    return (
        np.concatenate([places for places, _ in parts]),
        pd.concat([rows for _, rows in parts], ignore_index=True),
    )


@given(rows=ROWS, size=st.integers(1, 31), zipped=st.booleans(), latin=st.booleans())
@SLOWLY
def test_a_table_in_batches_is_the_table(tmp_path, rows, size, zipped, latin):
    lines = ["a,b,kind,when,y", *(",".join(row) for row in rows)]
    content = "\n".join(lines).encode("latin-1" if latin else "utf-8")
    file = tmp_path / "t.csv"
    file.write_bytes(gzip.compress(content) if zipped else content)
    try:
        whole = read_file(TABLE, file, schema=SCHEMA)
    except DataError:
        with pytest.raises(DataError):
            laid_end_to_end(open_file(TABLE, file, schema=SCHEMA, rows=size))
        return
    opened = open_file(TABLE, file, schema=SCHEMA, rows=size)
    in_file = whole.rows.iloc[np.argsort(whole.places)].reset_index(drop=True)
    pd.testing.assert_frame_equal(laid_end_to_end(opened), in_file)
    places, ordered = in_order(opened)
    assert places.tolist() == whole.places.tolist()
    pd.testing.assert_frame_equal(ordered, whole.rows)
    raws = pa.concat_tables([batch.raw.content for batch in opened.batches()])
    assert raws.combine_chunks().equals(whole.raw.content.combine_chunks())


@pytest.fixture(scope="module")
def connections():
    rows = simulate(SIMULATED)
    # Known at one moment, across batches.
    crowd = rows.iloc[:60].assign(**dict.fromkeys(("ts", "end"), rows["end"].iloc[0]))
    return pd.concat([crowd, rows], ignore_index=True)


@given(
    size=st.integers(30, 470), seed=st.integers(0, 9), suffix=st.sampled_from(["csv", "parquet"])
)
@SLOWLY
def test_connections_in_batches_have_the_features_of_all_at_once(
    tmp_path, connections, size, seed, suffix
):
    random = np.random.default_rng(seed)
    late = random.exponential(300 * seed, len(connections))  # a log is nearly in order, or not
    rows = connections.iloc[np.argsort(connections["end"].astype("int64") / 1e6 + late)]
    if seed % 2:
        rows = rows.drop(columns="end")  # it follows from start and duration
    file = tmp_path / f"c.{suffix}"
    if suffix == "csv":
        rows.to_csv(file, index=False)
    else:
        rows.to_parquet(file, index=False, row_group_size=100)
    whole = read_file(SIMULATED, file)
    opened = open_file(SIMULATED, file, rows=size)
    places, ordered = in_order(opened)
    assert places.tolist() == whole.places.tolist()
    pd.testing.assert_frame_equal(ordered, whole.rows)
    features = FeaturesInBatches("connections", CONNECTION_FEATURES)
    found = [features.of(rows) for _, rows in in_time_order(opened)]
    pd.testing.assert_frame_equal(
        pd.concat(found, ignore_index=True), connection_features(whole.rows), check_exact=True
    )


@pytest.mark.parametrize("rows", [None, 100])
def test_rows_of_a_log_stay_where_they_are_whatever_their_times(tmp_path, connections, rows):
    log = connections.sample(frac=1, random_state=2)
    log.to_parquet(tmp_path / "c.parquet", index=False)
    opened = open_file(SIMULATED, tmp_path / "c.parquet", rows=rows)
    assert not opened.in_time_order
    opened = replace(opened, in_log_order=True)
    assert opened.order().tolist() == list(range(len(log)))
    places, ordered = in_order(opened)
    assert places.tolist() == list(range(len(log)))
    assert ordered["uid"].tolist() == log["uid"].tolist()


def test_types_are_those_of_the_file_and_not_of_a_batch(tmp_path):
    """Whole numbers as text, gaps in one batch alone, a time that is a number by its size."""
    table = pa.table({
        "uid": pa.array([5, 6, None, 7], pa.int64()), "ts": [1772445600.0 + at for at in range(4)],
        "src_ip": ["a"] * 4, "dst_ip": ["b"] * 4, "dst_port": pa.array([1, 2, None, 3]),
        "proto": ["tcp"] * 4, "service": pa.array([None, None, None, "dns"]),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "c.parquet")
    for rows in (1, 2, 3, 4):
        read = laid_end_to_end(open_file(SIMULATED, tmp_path / "c.parquet", rows=rows))
        assert read["uid"].tolist() == ["5", "6", None, "7"]
        assert read["service"].tolist() == [None, None, None, "dns"]
    # Milliseconds, by the middle of all; alone, the first would be taken for seconds.
    (tmp_path / "t.csv").write_text(
        "a,b,kind,when\n1,1,x,1772445600\n1,1,x,1772445600000\n1,1,x,1772445600001\n"
    )
    for rows in (1, 2, 3):
        with pytest.raises(DataError, match=r"line 2.* in milliseconds since 1970, which the col"):
            laid_end_to_end(open_file(TABLE, tmp_path / "t.csv", schema=SCHEMA, rows=rows))


def test_the_schema_of_a_table_follows_from_all_rows(tmp_path):
    lines = ["a,b,kind", *(["1,2,x"] * 30), *(["1,two,x"] * 10)]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    source = TableSource(format="table", train="t.csv")
    for rows in (None, 7, 30):
        opened = open_file(source, tmp_path / "t.csv", rows=rows)
        assert opened.typed == ("a",)
        assert set(laid_end_to_end(opened)["b"]) == {"2", "two"}


@pytest.mark.parametrize("rows", [None, 2])
def test_a_bad_row_is_named_by_its_line_in_whatever_batch_it_is(tmp_path, rows):
    file = tmp_path / "t.csv"
    file.write_text("a,b,kind\n1,2,x\n1,2,x\n1,2,x\n\n1,2,x\n1,oops,x\n")
    with pytest.raises(DataError, match=r"t\.csv, line 7, column 'b': 'oops' is not a number"):
        laid_end_to_end(open_file(TABLE, file, schema=SCHEMA, rows=rows))
    file.write_text("a,b,kind\n1,2,x\n1,2,x\n1,2,x\n1,2,x\n1,2\n")
    with pytest.raises(DataError, match=r"t\.csv, line 6: expected 3 values, got 2"):
        laid_end_to_end(open_file(TABLE, file, schema=SCHEMA, rows=rows))
    log = tmp_path / "c.csv"
    log.write_text(
        "ts,src_ip,dst_ip,dst_port,proto\n"
        + "1772445600,a,b,1,tcp\n" * 4
        + "1772445600,a,b,70000,tcp\n"
    )
    with pytest.raises(DataError, match=r"c\.csv, row 5: dst_port must be from 0 to 65535, got '7"):
        laid_end_to_end(open_file(SIMULATED, log, rows=rows))


def test_nsl_kdd_in_batches(tmp_path):
    row = ",".join(["0", "tcp", "http", "SF", *["1"] * 37])
    (tmp_path / "new.txt").write_text(f"{row},normal\n" * 3 + f"{row},neptune\n" * 2)
    source = NslKddSource(format="nsl-kdd", train="t.txt")
    opened = open_file(source, tmp_path / "new.txt", schema=nsl_kdd.SCHEMA, rows=2)
    assert laid_end_to_end(opened)["label"].tolist() == [0, 0, 0, 1, 1]


def test_a_file_of_many_columns_is_read_in_fewer_rows(tmp_path):
    frame = pd.DataFrame(np.zeros((5_000, 400))).rename(columns=str)
    frame.to_parquet(tmp_path / "wide.parquet")
    sizes = [len(raw.content) for raw in open_raw(tmp_path / "wide.parquet", rows=8_000).batches()]
    assert sizes == [2_000, 2_000, 1_000]


def test_a_file_that_changes_between_two_readings_is_told(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("a\n" + "1\n" * 9)
    opened = open_raw(file, rows=4)
    assert len(list(opened.batches())) == 3
    file.write_text("a\n" + "1\n" * 10)
    with pytest.raises(DataError, match=r"t\.csv was changed while it was read"):
        list(opened.batches())


def test_names_that_repeat_in_parquet_are_told(tmp_path):
    table = pa.Table.from_arrays([pa.array([1, 2, 3]), pa.array([4, 5, 6])], ["a", "a"])
    pq.write_table(table, tmp_path / "twice.parquet")
    with pytest.raises(DataError, match=r"twice\.parquet: column names must differ, got 'a' twice"):
        open_raw(tmp_path / "twice.parquet", rows=2)
