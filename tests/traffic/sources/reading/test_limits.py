"""A small file that unpacks to a large one is refused in little time and memory, in one line."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oddwire.errors import DataError
from oddwire.params import SimulatedSource, TableSource
from oddwire.traffic.sources import read_file, read_source
from oddwire.traffic.sources.reading.limits import refuse_oversize

TABLE = TableSource(format="table", train=Path("train.csv"))
MOST = TABLE.max_rows


def packed(file, start, piece, times):
    """Write gzip, a member per piece: unpacked it is far larger than what is made here."""
    member = gzip.compress(piece, mtime=0)
    with file.open("wb") as stream:
        stream.write(gzip.compress(start, mtime=0))
        for _ in range(times):
            stream.write(member)
    return file


BOMBS = {
    "500 million rows": (b"a\n", b"1\n" * 10_000_000, 50, "more than 100,000,000 rows; if"),
    "a thousand columns": (
        b",".join(b"c%d" % at for at in range(1000)) + b"\n",
        (b",".join([b"0"] * 1000) + b"\n") * 1000,
        500,
        "unpacks to more than 300 times its",
    ),
    "a row without end": (b"a,b\n", b"x" * 10_000_000, 100, "line 2: a row must not be longer"),
    "a header without end": (b"", b"x" * 10_000_000, 100, "line 1: a row must not be longer"),
    "a quote without end": (b'a,b\n1,"', b"x,1\n" * 1_000_000, 50, "unpacks to more than 300"),
}  # fmt: skip


@pytest.mark.parametrize(("start", "piece", "times", "says"), BOMBS.values(), ids=BOMBS)
def test_a_gzip_bomb_is_refused_before_it_is_held(tmp_path, start, piece, times, says):
    file = packed(tmp_path / "bomb.csv.gz", start, piece, times)
    assert file.stat().st_size < 3_000_000
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=says) as raised:
        read_file(TABLE, file)
    assert time.monotonic() - begun < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KB
    assert str(file) in str(raised.value)
    assert "\n" not in str(raised.value)
    with pytest.raises(DataError, match=says):
        read_source(TABLE.model_copy(update={"train": file}), root=tmp_path)


def parquet(file, columns, times=1):
    table = pa.table(columns)
    with pq.ParquetWriter(file, table.schema, compression="zstd") as writer:
        for _ in range(times):
            writer.write_table(table)
    return file


def test_a_parquet_bomb_is_refused_by_what_it_says_of_itself(tmp_path):
    zeros = pa.array(np.zeros(2_000_000))
    file = parquet(tmp_path / "rows.parquet", {"a": zeros}, times=6)
    with pytest.raises(DataError, match="has more than 10,000,000 rows"):
        refuse_oversize(file, max_rows=10_000_000)
    wide = parquet(tmp_path / "wide.parquet", {f"c{at}": zeros[:500_000] for at in range(50)})
    with pytest.raises(DataError, match="unpacks to more than 300 times its"):
        read_file(TABLE, wide)


def test_a_text_that_a_parquet_file_holds_once_for_a_million_rows_is_counted_as_often(tmp_path):
    rows = 200_000
    text = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(rows, dtype=np.int32)), pa.array(["x" * 1_000_000])
    )
    for column in (text, pa.chunked_array([text])):
        file = parquet(tmp_path / "text.parquet", {"n": np.arange(rows) % 7.0, "s": column})
        assert file.stat().st_size < 1_000_000
        with pytest.raises(DataError, match="unpacks to more than 300 times its"):
            read_file(TABLE, file)


@pytest.mark.parametrize("quoted", [False, True])
def test_a_row_of_two_megabytes_is_told(tmp_path, quoted):
    file = tmp_path / "long.csv"
    long = f'"{"x" * 2_000_000}"' if quoted else "x" * 2_000_000
    file.write_text("a,b\n" + "1,2\n" * 1000 + f"1,{long}\n1,2\n")
    with pytest.raises(
        DataError, match=r"long\.csv, line 1002: a row must not be longer than 1 MB"
    ):
        read_file(TABLE, file)


def test_a_quoted_text_of_a_few_long_lines_is_a_value_and_is_cut_in_the_message(tmp_path):
    file = tmp_path / "long.csv"
    line = "x" * 100_000 + "\n"
    file.write_text("a,b\n" + "1,2\n" * 1000 + '1,"' + line * 8 + '"\n1,2\n')
    with pytest.raises(DataError, match=r"line 1002, column 'b': 'xxx.* is not a number") as raised:
        read_file(TABLE, file)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize(
    "source",
    [TABLE, SimulatedSource(format="simulated")],
    ids=lambda source: source.format,
)
@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows.parquet"])
def test_a_source_says_how_many_rows_are_too_many(tmp_path, source, name):
    file, frame = tmp_path / name, pd.DataFrame({"n": np.arange(101) % 3})
    frame.to_parquet(file) if name.endswith("t") else frame.to_csv(file, index=False)
    refuse_oversize(file, max_rows=101)
    with pytest.raises(
        DataError, match="has more than 100 rows; if that is right, raise `max_rows`"
    ):
        read_file(source.model_copy(update={"max_rows": 100}), file)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_lines_are_counted_however_they_end(tmp_path, ends, last):
    file = tmp_path / "rows.csv"
    file.write_bytes((ends.join(["n"] + ["1"] * 10) + ends * last).encode())
    refuse_oversize(file, max_rows=10)
    with pytest.raises(DataError, match="more than 8 rows"):
        refuse_oversize(file, max_rows=8)


def test_honest_files_that_pack_well_are_read(tmp_path):
    """Sparse, wide and repetitive: 130 MB of text in 1 MB, 80 MB of numbers in half of one."""
    line = ",".join(["0"] * 300) + "\n"
    text = ",".join(f"c{at}" for at in range(300)) + "\n" + line * 20_000
    file = tmp_path / "sparse.csv.gz"
    file.write_bytes(gzip.compress(text.encode()))
    refuse_oversize(file, max_rows=MOST)
    random = np.random.default_rng(0)
    sparse = pd.DataFrame(random.random((20_000, 500)) < 0.02).astype(float)
    sparse.set_axis([f"c{at}" for at in range(500)], axis=1).to_parquet(tmp_path / "s.parquet")
    refuse_oversize(tmp_path / "s.parquet", max_rows=MOST)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    code = (
        "from pathlib import Path\nfrom oddwire.params import TableSource\n"
        "from oddwire.traffic.sources import read_file\n"
        f"file = Path({str(tmp_path / 'pipe.csv')!r})\n"
        "read_file(TableSource(format='table', train=Path('t')), file)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert "DataError" in ended.stderr
    assert "pipe.csv is a named pipe, not a file" in ended.stderr


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/dev/zero", "is a device"),
        ("x" * 300, "File name too long"),
        ("a\0b", "embedded null byte"),
        ("~nobody/x", "does not exist"),
        (os.fsdecode(b"\xff\x1b[31m.csv"), "does not exist"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_printable_line(path, says):
    with pytest.raises(DataError, match=says) as raised:
        read_file(TABLE, Path(path))
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_a_file_whose_name_is_no_text_is_read(tmp_path, ending):
    frame, file = pd.DataFrame({"n": [1.0, 2.0], "m": [3, 4]}), tmp_path / f"plain{ending}"
    frame.to_parquet(file) if ending == ".parquet" else frame.to_csv(file, index=False)
    odd = tmp_path / os.fsdecode(b"\xff\x1b[31m")
    file.rename(odd)
    assert read_file(TABLE, odd).rows["n"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("start", "says"),
    [
        (b"PK\x03\x04", "a ZIP archive: unpack it first"),
        (b"BZh91AY", "packed by bzip2: unpack it first"),
        (b"\xfd7zXZ\0", "packed by xz: unpack it first"),
        (b"\x28\xb5\x2f\xfd", "packed by zstd: unpack it first"),
        (b"{" * 100_000, "neither|JSON|"),
    ],
)
def test_other_archives_are_named(tmp_path, start, says):
    (tmp_path / "a.csv").write_bytes(start + b"\0" * 100)
    with pytest.raises(DataError, match=says):
        read_file(TABLE, tmp_path / "a.csv")
