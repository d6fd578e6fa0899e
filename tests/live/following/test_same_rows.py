"""A log that grows and is rotated gives the rows, refusals and line numbers of its files."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from oddwire.live.following import Limits
from oddwire.live.following.batches import batches
from oddwire.live.following.files import FileFollower
from oddwire.traffic.sources.logs.growing.chunks import ChunkReader
from oddwire.traffic.sources.logs.growing.state import ReaderState
from oddwire.traffic.sources.logs.parsing.columns import LOG_SCHEMA
from oddwire.traffic.sources.logs.reading import LogSettings, read_log

HEADER = (
    b"#separator \\x09\n#unset_field\t-\n#path\tconn\n"
    b"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\torig_bytes\n"
)
LIMITS = Limits(batch_bytes=3000, listing_seconds=0, still_seconds=0)


def log_of(random: Random, lines: int, first: int) -> bytes:
    """Return a log of Zeek in which some lines are bad."""
    rows = []
    for number in range(first, first + lines):
        values = [f"{number}.5", f"C{number}", "10.0.0.1", str(random.randint(1, 65_535)),
                  "10.0.0.2", "53", "udp", random.choice(["-", "77", "bad", "-1"])]  # fmt: skip
        rows.append("\t".join(values[: random.choice([8, 8, 8, 7])]))
    return HEADER + "".join(f"{row}\n" for row in rows).encode()


@pytest.mark.parametrize("seed", range(6))
def test_rows_are_those_of_the_files(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    path = tmp_path / "conn.log"
    states: dict[str, ReaderState | None] = {}
    tables, refused, positions = [], [], [None]
    reader = ChunkReader(LogSettings(), ("zeek_tsv", "zeek_json"))

    def follow() -> FileFollower:
        return FileFollower(
            ["conn.log*"], root=tmp_path, position=positions[-1], from_start=True, limits=LIMITS
        )

    def take(*, until_end: bool = False) -> None:
        follower = follow()  # as if the process had been killed before
        for batch in batches(follower, until_end=True) if until_end else [follower.poll()]:
            if batch is None:
                continue
            for chunk in batch.chunks:
                parts, state = reader.read(
                    chunk.block, states.get(chunk.log),
                    origin=chunk.origin, heading=chunk.heading, ends=chunk.ends,
                )  # fmt: skip
                states[chunk.log] = ReaderState.of(json.loads(json.dumps(state.plain())))
                if random.random() < 0.3:
                    states[chunk.log] = None  # the heading is enough
                tables.extend(part.connections for part in parts)
                refused.extend((one.line, one.text) for part in parts for one in part.refused)
            positions.append(json.loads(json.dumps(batch.position)))
        follower.close()

    for number in range(3):
        data = log_of(random, 200, 1000 * number)
        while data:
            cut = random.randint(1, 4000)
            with path.open("ab") as file:
                file.write(data[:cut])
            data = data[cut:]
            take()
        for old in sorted(tmp_path.glob("conn.log.*"), reverse=True):
            old.rename(tmp_path / f"conn.log.{int(old.suffix[1:]) + 1}")
        path.rename(tmp_path / "conn.log.1")
    take(until_end=True)

    whole = [part for file in ("conn.log.3", "conn.log.2", "conn.log.1")
             for part in read_log(tmp_path / file)]  # fmt: skip
    expected = pa.concat_tables(part.connections for part in whole)
    assert pa.concat_tables([LOG_SCHEMA.empty_table(), *tables]).equals(expected)
    assert refused == [(one.line, one.text) for part in whole for one in part.refused]
    assert len(refused) > 50
