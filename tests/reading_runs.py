"""A process that follows a folder and commits rows with positions, to be killed at any moment.

``python reading_runs.py FOLDER`` says the id of the process that follows, and starts another one
each time that it was killed, until a file ``end`` is there: then it reads to the end.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path

from oddwire.live.reading.opening import open_reading
from oddwire.params import ZeekSource
from oddwire.project import Project

SOURCE = ZeekSource(format="zeek", files=("logs/conn.log*", "logs/2*/conn*"))
END = "end"


def store(folder: Path) -> sqlite3.Connection:
    """Open what is committed."""
    found = sqlite3.connect(folder / "rows.db", timeout=60)
    found.execute("PRAGMA journal_mode=WAL")
    found.execute("CREATE TABLE IF NOT EXISTS rows (number INTEGER PRIMARY KEY, place, row)")
    found.execute("CREATE TABLE IF NOT EXISTS positions (position)")
    return found


def follow(folder: Path) -> None:
    """Go on from where the store stands."""
    with closing(store(folder)) as kept:
        (position,) = kept.execute("SELECT max(position) FROM positions").fetchone() or (None,)
        position = kept.execute("SELECT position FROM positions").fetchone()
        reading = open_reading(
            SOURCE, name="office", project=Project(folder), from_start=True,
            position=position[0] if position else b"",
        )  # fmt: skip
        stopped = threading.Event()
        until_end = (folder / END).exists()
        for batch in reading.batches(until_end=until_end, stopped=stopped):
            if batch is not None:
                rows = batch.rows.astype(str).agg("|".join, axis=1) if len(batch.rows) else []
                with kept:
                    kept.executemany(
                        "INSERT INTO rows (place, row) VALUES (?, ?)",
                        zip(batch.places, rows, strict=True),
                    )
                    kept.execute("DELETE FROM positions")
                    kept.execute("INSERT INTO positions VALUES (?)", (batch.position,))
            if not until_end and (folder / END).exists():
                return
        reading.close()


def main(folder: Path) -> None:
    """Follow in processes of their own."""
    while True:
        last = (folder / END).exists()
        child = os.fork()
        if child == 0:
            follow(folder)
            os._exit(0)
        print(child, flush=True)  # noqa: T201
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) and (last or os.WEXITSTATUS(status)):
            sys.exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
