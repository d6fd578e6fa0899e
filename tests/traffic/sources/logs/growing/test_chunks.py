"""However a log is cut into chunks while it is written, its rows are those of the whole file."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.errors import DataError
from oddwire.traffic.sources.logs import LogPart
from oddwire.traffic.sources.logs.growing.chunks import ChunkReader
from oddwire.traffic.sources.logs.growing.state import ReaderState
from oddwire.traffic.sources.logs.parsing.columns import LOG_SCHEMA
from oddwire.traffic.sources.logs.parsing.lines import Block
from oddwire.traffic.sources.logs.reading import LogSettings, read_log

SAMPLES = [
    "zeek/conn.log",
    "zeek/conn.json.log",
    "zeek/conn.log.labeled",
    "suricata/eve.json",
    "netflow/test4-malicious.binetflow",
]


def in_chunks(data: bytes, random: Random, most: int) -> list[LogPart]:
    """Read data in chunks of random size, as by a process that ends after each."""
    lines = data.splitlines(keepends=True)
    parts: list[LogPart] = []
    state, first = None, 1
    while lines:
        count = random.randint(1, most)
        block = Block(first, b"".join(lines[:count]))
        lines, first = lines[count:], first + count
        reader = ChunkReader(LogSettings())
        more, state = reader.read(block, state, origin="a log", ends=not lines)
        parts += more
        state = ReaderState.of(json.loads(json.dumps(state.plain())))
    return parts


def rows(parts: list[LogPart]) -> pa.Table:
    return pa.concat_tables([LOG_SCHEMA.empty_table(), *(part.connections for part in parts)])


def counted(parts: list[LogPart]) -> tuple[list[object], int]:
    refused = sorted((one.line, one.reason, one.text) for part in parts for one in part.refused)
    return refused, sum(part.folded for part in parts)


@pytest.mark.data
@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("most", [40, 5000])
def test_chunks_of_real_logs_give_the_rows_of_the_file(
    shared_data: Path, name: str, most: int
) -> None:
    file = shared_data / name
    whole = [*read_log(file)]
    parts = in_chunks(file.read_bytes(), Random(7), most)
    assert rows(parts).num_rows > 0
    assert rows(parts).equals(rows(whole))
    assert counted(parts) == counted(whole)


def netflow(flow: int, *, back: bool = False) -> str:
    there, here = (("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.1"))[back]
    content = {
        "event_type": "netflow", "flow_id": flow, "src_ip": there, "dest_ip": here,
        "src_port": 1, "dest_port": 2, "proto": "TCP",
        "netflow": {"start": "2026-01-01T00:00:00.0+0000", "end": "2026-01-01T00:00:01.0+0000",
                    "pkts": 1 + back, "bytes": 60 + back},
    }  # fmt: skip
    return json.dumps(content)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.booleans()), min_size=1, max_size=600),
    st.integers(1, 120),
    st.randoms(use_true_random=False),
)
def test_the_ways_back_of_netflows_are_found_over_chunks(tmp_path_factory, events, most, random):
    text = "".join(f"{netflow(flow, back=back)}\n" for flow, back in events)
    file = tmp_path_factory.mktemp("eve") / "eve.json"
    file.write_text(text)
    whole = [*read_log(file)]
    parts = in_chunks(text.encode(), random, most)
    assert rows(parts).equals(rows(whole))
    assert counted(parts) == counted(whole)


def test_the_header_may_change_in_the_middle_of_a_log():
    begin = b"#separator \\x09\n#path\tconn\n#fields\tts\tid.orig_h\tid.resp_h\tproto\n"
    other = b"#separator \\x09\n#unset_field\t*\n#fields\tproto\tts\tid.orig_h\tid.resp_h\n"
    data = begin + b"1\t10.0.0.1\t10.0.0.2\tudp\n" + other + b"*\t2\t10.0.0.3\t10.0.0.4\n" * 3
    parts = in_chunks(data, Random(1), 1)
    assert rows(parts)["src_ip"].to_pylist() == ["10.0.0.1"]
    assert {one.reason for part in parts for one in part.refused} == {
        "proto is needed, got nothing"
    }


def test_what_is_above_the_first_row_is_enough_to_begin_further_down():
    heading = b"#separator \\x09\n#fields\tts\tid.orig_h\tid.resp_h\tproto\n"
    block = Block(1000, b"1\t10.0.0.1\t10.0.0.2\tudp\nbad\n")
    parts, _ = ChunkReader(LogSettings()).read(block, origin="a log", heading=heading)
    assert rows(parts)["src_ip"].to_pylist() == ["10.0.0.1"]
    assert [one.line for part in parts for one in part.refused] == [1001]


def test_a_log_of_another_kind_is_an_error_that_names_it():
    with pytest.raises(DataError, match=r"eve\.json: expected a conn\.log of Zeek, got Suricata"):
        ChunkReader(LogSettings(), ("zeek_tsv",)).read(
            Block(1, b'{"event_type": "flow"}\n'), origin="eve.json"
        )
