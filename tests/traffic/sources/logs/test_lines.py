"""Blocks of lines: whole, in order, bounded, whatever the compression and wherever a file ends."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from oddwire.errors import DataError
from oddwire.traffic.sources.logs.parsing.lines import read_blocks

LINES = b"".join(b"line %d\n" % number for number in range(200_000))


def zstd(data: bytes) -> bytes:
    compressed: bytes = pa.Codec("zstd").compress(data, asbytes=True)
    return compressed


COMPRESSIONS = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstd}


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS.keys())
def test_a_compressed_file_reads_as_the_plain_one(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    """The name says nothing; a file put together of two compressed ones is read to its end."""
    file = tmp_path / "conn.log"
    file.write_bytes(compress(LINES) + compress(LINES))

    blocks = list(read_blocks(file, size=100_000))

    assert b"".join(block.data for block in blocks) == LINES + LINES
    assert len(blocks) > 2
    assert [block.cut for block in blocks] == [None] * len(blocks)


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS.keys())
def test_a_file_cut_off_in_mid_stream_gives_what_is_whole(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    """What was decompressed before the end is given, and the end is told."""
    file = tmp_path / "conn.log.gz"
    whole = compress(LINES)
    file.write_bytes(whole[: len(whole) * 3 // 4])

    blocks = list(read_blocks(file, size=10_000))

    read = b"".join(block.data for block in blocks)
    assert LINES.startswith(read)
    assert blocks[-1].cut == "the file ends in mid-stream"


@given(
    lines=st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=40),
    size=st.integers(1, 60),
    longest=st.integers(5, 30),
    ended=st.booleans(),
)
def test_every_line_is_given_once_under_its_number(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[bytes],
    size: int,
    longest: int,
    ended: bool,
) -> None:
    """A line that is too long is empty and told by its number; all others stand as they are."""
    file = tmp_path_factory.mktemp("lines") / "log"
    data = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    file.write_bytes(data)
    expected = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    assume(not data.startswith((b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ")))

    found: dict[int, bytes] = {}
    long: list[int] = []
    for block in read_blocks(file, size=size, longest=longest):
        here = block.data.split(b"\n")
        if here[-1] == b"":
            here.pop()
        found |= dict(enumerate(here, block.first))
        long += block.too_long

    assert sorted(long) == [at for at, line in enumerate(expected, 1) if len(line) > longest]
    for at, line in enumerate(expected, 1):
        assert found.get(at, b"") == (b"" if at in long else line)


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """One line: the file, and why."""
    with pytest.raises(DataError, match=r"gone\.log: No such file"):
        list(read_blocks(tmp_path / "gone.log"))
