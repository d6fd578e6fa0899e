"""The rows of a source that grows are those of its whole files, each with a place of its own."""

from __future__ import annotations

import threading
from pathlib import Path
from random import Random

import pandas as pd

from oddwire.live.reading import open_reading
from oddwire.params import ZeekSource
from oddwire.project import Project
from oddwire.traffic.sources import read_file
from oddwire.traffic.sources.reading.files import log_files

HEADER = (
    "#separator \\x09\n#unset_field\t-\n#path\tconn\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_bytes\n"
)


def log_of(random: Random, lines: int, first: int = 0, *, bad: float = 0.0) -> bytes:
    """Return a log of Zeek in which some lines are bad."""
    rows = []
    for number in range(first, first + lines):
        count = "x" if random.random() < bad else "77"
        values = (f"{1_700_000_000 + number}.5", f"C{number}", f"10.0.0.{random.randint(1, 9)}",
                  str(random.randint(1, 65_535)), "10.0.0.2", "53", "udp", "0.5", count)  # fmt: skip
        rows.append("\t".join(values))
    return (HEADER + "".join(f"{row}\n" for row in rows)).encode()


def zeek(*files: str, **options: object) -> ZeekSource:
    return ZeekSource(format="zeek", files=files or ("conn.log*",), **options)


def read_all(source, folder: Path, position: bytes = b"", **options: object):
    """Return rows, places and all batches up to the end of what is there."""
    reading = open_reading(
        source, name="office", project=Project(folder), position=position, **options
    )
    found = [one for one in reading.batches(until_end=True, stopped=threading.Event()) if one]
    reading.close()
    rows = [one.rows for one in found if len(one.rows)]
    places = [place for one in found for place in one.places]
    return pd.concat(rows, ignore_index=True) if rows else None, places, found


def batch_rows(source, folder: Path) -> pd.DataFrame:
    files = log_files(source.files, root=folder)
    return pd.concat([read_file(source, file).rows for file in files], ignore_index=True)


def test_rows_are_those_of_batch_wherever_it_was_cut_off_and_gone_on(tmp_path):
    random = Random(1)
    source, path = zeek(unit=["src_ip", "dst_port"]), tmp_path / "conn.log"
    position, rows, places = b"", [], []
    for number in range(3):
        data = log_of(random, 300, 1000 * number, bad=0.002)
        while data:
            cut = random.randint(1, 9000)
            with path.open("ab") as file:
                file.write(data[:cut])
            data = data[cut:]
            some, where, found = read_all(source, tmp_path, position, from_start=True)
            rows, places = [*rows, some], places + where
            position = found[-1].position if found else position
        for old in sorted(tmp_path.glob("conn.log.*"), reverse=True):
            old.rename(tmp_path / f"conn.log.{int(old.suffix[1:]) + 1}")
        path.rename(tmp_path / "conn.log.1")
    pd.testing.assert_frame_equal(
        pd.concat(rows, ignore_index=True), batch_rows(source, tmp_path), check_exact=True
    )
    assert len(set(places)) == len(places)
    assert places == read_all(source, tmp_path, from_start=True)[1]
    numbers = [int(place.partition(":")[2]) for place in places]
    assert numbers[:3] == [1, 2, 3]
    assert numbers.count(1) == 3
