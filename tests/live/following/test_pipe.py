"""Standard input, line by line, as its writer sends it."""

from __future__ import annotations

import os
from threading import Timer

from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.live.following import Limits
from oddwire.live.following.batches import batches
from oddwire.live.following.pipe import PipeFollower

LIMITS = Limits(batch_bytes=64, line_bytes=40)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=90).map(lambda one: one.replace(b"\n", b"")), max_size=30),
       st.lists(st.integers(1, 200), max_size=30), st.booleans())  # fmt: skip
def test_lines_are_whole_numbered_and_none_is_too_long(lines, cuts, ended):
    data = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    data = data.removeprefix(b"\xef\xbb\xbf")
    reader, writer = os.pipe()
    follower, found, too_long = PipeFollower(reader, limits=LIMITS), [], []

    def poll() -> bool:
        batch = follower.poll()
        if batch is not None:
            (chunk,) = batch.chunks
            assert chunk.block.first == len(found) + 1
            found.extend(chunk.block.data.split(b"\n")[: chunk.block.lines])
            too_long.extend(chunk.block.too_long)
            assert batch.position["pipe"]["lines"] == len(found)
        return batch is not None

    at = 0
    for cut in [*cuts, len(data)]:
        os.write(writer, data[at : at + cut])
        at += cut
        poll()
    os.close(writer)
    while not follower.ended:
        poll()
    os.close(reader)
    every = data.split(b"\n")
    every = every[:-1] if data.endswith(b"\n") or not data else every
    long = [at for at, line in enumerate(every, 1) if len(line) > LIMITS.line_bytes]
    assert found == [b"" if at in long else line for at, line in enumerate(every, 1)]
    assert too_long == long
    assert not poll()


def test_a_partial_line_waits_until_it_is_complete():
    reader, writer = os.pipe()
    follower = PipeFollower(reader)
    os.write(writer, b"one\ntw")
    batch = follower.poll()
    assert batch is not None
    assert batch.chunks[0].block.data == b"one\n"
    assert follower.poll() is None
    os.write(writer, b"o\n")
    batch = follower.poll()
    assert batch is not None
    assert (batch.chunks[0].block.first, batch.chunks[0].block.data) == (2, b"two\n")
    os.close(writer)
    os.close(reader)


def test_a_writer_that_is_slow_is_waited_for_to_its_end():
    reader, writer = os.pipe()
    os.write(writer, b"one\n")
    later = Timer(1.0, lambda: (os.write(writer, b"two\n"), os.close(writer)))
    later.start()
    follower = PipeFollower(reader)
    found = [batch for batch in batches(follower, until_end=True) if batch is not None]
    later.join()
    os.close(reader)
    assert [chunk.block.data for one in found for chunk in one.chunks if chunk.block.data] == [
        b"one\n", b"two\n",
    ]  # fmt: skip
