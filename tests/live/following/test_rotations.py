"""Whatever becomes of a log's files and of who reads them: each line once, and in order."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from rotating_writer import Transactions, Writer

_STEPS = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 12)),
    st.tuples(st.just("write"), st.integers(1, 12)),
    st.tuples(st.just("partial"), st.integers(1, 5)),
    st.tuples(st.just("rename"), st.just(0)),
    st.tuples(st.just("copy"), st.just(0)),
    st.tuples(st.just("compress"), st.just(0)),
    st.tuples(st.just("kill"), st.integers(0, 20)),
    st.tuples(st.just("poll"), st.integers(1, 6)),
)


def run(steps: list[tuple[str, int]], folder: Path) -> tuple[Writer, Transactions]:
    writer = Writer(folder)
    reader = Transactions(["conn.log*"], folder)
    for step, number in steps:
        match step:
            case "write":
                writer.write(number)
            case "partial":
                writer.write(number, partial=True)
            case "rename":
                writer.rename()
            case "copy":
                writer.copy_and_truncate()
            case "compress":
                writer.compress(pause=reader.step)
            case "kill":
                reader.kill(number)
            case "poll":
                for _ in range(number):
                    reader.step()
    writer.flush()
    writer.close()
    reader.finish()
    return writer, reader


@settings(max_examples=150, deadline=None)
@given(st.lists(_STEPS, max_size=40))
def test_each_line_comes_once_and_in_order(steps):
    with tempfile.TemporaryDirectory() as folder:
        writer, reader = run(steps, Path(folder))
        assert reader.lines == writer.written
