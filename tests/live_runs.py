"""A follower that is made of nothing but the store and one file, to be killed at any step."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from oddwire.live.alerts.alert import hashed_id
from oddwire.live.sinks.delivery import Deliveries, Delivery
from oddwire.live.sinks.json_lines import JsonLines
from oddwire.live.state import (
    Commit,
    KeptRows,
    Message,
    MoreAlerts,
    Policy,
    Store,
    StoredAlert,
    StoredIncident,
)

SOURCE, SINK = "office", "file"
TABLES = (
    "followers", "carried", "carried_rows", "checkpoints", "alerts", "more_alerts", "incidents",
    "messages", "outbox",
)  # fmt: skip


def message(number: int, text: str = "") -> Message:
    """Return a message that says its number."""
    body = json.dumps({"number": number, "text": text})
    return Message(hashed_id("message", str(number)), "alert", body)


def batch(number: int, per_batch: int = 3) -> Commit:
    """Return what becomes of one micro-batch, the same each time."""
    numbers = range(number * per_batch, (number + 1) * per_batch)
    incident = hashed_id("incident", str(number // 2))
    return Commit(
        position=str(number + 1).encode(),
        carried={"windows": b"w" * number, "units": str(number).encode()},
        alerts=tuple(
            StoredAlert(hashed_id("alert", str(one)), float(one), "{}", incident) for one in numbers
        ),
        more_alerts=(MoreAlerts(incident, 2, str(number).encode()),),
        incidents=(StoredIncident(incident, 0.0, float(number), "{}", alerts=number),),
        messages=tuple(message(one) for one in numbers),
        rows=KeptRows(b"r" * number, 2, number * 2, number * 2 + 1),
        checkpoint=str(number).encode() if number % 3 == 0 else None,
        window=0,
    )


def open_store(folder: Path, **options: object) -> Store:
    """Return the store of a folder."""
    return Store(
        f"sqlite:///{folder / 'alerts.db'}", source=SOURCE, sinks={SINK: Policy()}, **options
    )


def follow(folder: Path, batches: int) -> None:
    """Go on from where the store stands, deliver after every commit, one step after the other."""
    sink = JsonLines(folder / "alerts.jsonl")
    with open_store(folder) as store:
        delivery = Delivery(store, SINK, sink)
        following = store.following()
        while following.number < batches:
            following = store.commit(batch(following.number), after=following).following
            if following.number % 2 == 0:  # so that there is a batch of two commits too
                delivery.deliver_once()
        while delivery.deliver_once():
            pass
    sink.close()


def follow_with_threads(folder: Path, batches: int, *, said: Callable[[], None]) -> None:
    """Go on from where the store stands, as a live process does."""
    sinks = {SINK: JsonLines(folder / "alerts.jsonl")}
    with open_store(folder) as store, Deliveries(store, sinks) as deliveries:
        said()
        following = store.following()
        while following.number < batches:
            given_up = deliveries.wait_for_room()
            made = store.commit(batch(following.number), after=following, given_up=given_up)
            following = made.following
            deliveries.wake()
        deliveries.drain(30)


def fill(file: Path) -> None:
    """Leave a disk no room."""
    with file.open("wb", buffering=0) as filler, suppress(OSError):
        while filler.write(b"\0" * 4096):
            pass


def told(folder: Path) -> tuple[bytes, dict[str, list[tuple[object, ...]]]]:
    """Return the file, and the rows of every table but for tokens and times of commits."""
    columns = {
        "followers": "source, number, position",
        "messages": "id, source, kind, body, incident",
    }
    with closing(sqlite3.connect(folder / "alerts.db")) as database:
        rows = {
            table: database.execute(
                f"SELECT {columns.get(table, '*')} FROM {table} ORDER BY 1, 2"  # noqa: S608
            ).fetchall()
            for table in TABLES
        }
        rows["sinks"] = database.execute(
            "SELECT name, delivered, dropped, dead FROM sinks"
        ).fetchall()
    return (folder / "alerts.jsonl").read_bytes(), rows


def killed_at(step: int, run: Callable[[], None]) -> bool:
    """Run in a process of its own that is killed before a step; return whether it got there.

    A step is anything that outlives a process: a statement or the end of a transaction, and each
    writing, cutting and keeping of a file, of which only a half is done when it is killed.
    """
    child = os.fork()
    if child == 0:
        try:
            _count_steps(step)
            run()
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - no traceback of a copy of pytest
            print(repr(error), file=sys.stderr, flush=True)  # noqa: T201
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def _count_steps(last: int) -> None:
    from sqlalchemy import Engine, event

    done = 0

    def step(*_: object) -> bool:
        nonlocal done
        done += 1
        return done == last

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def counted(*_: object) -> None:
        if step():
            die()

    # After a statement is before the next one, or before the end of its transaction.
    for name in ("before_cursor_execute", "commit"):
        event.listen(Engine, name, counted)
    write, cut, keep = os.pwrite, os.ftruncate, os.fsync

    def pwrite(file: int, text: bytes, at: int) -> int:
        if step():
            write(file, text[: len(text) // 2], at)
            die()
        wrote = write(file, text, at)
        counted()
        return wrote

    def ftruncate(file: int, size: int) -> None:
        counted()
        cut(file, size)

    def fsync(file: int) -> None:
        counted()
        keep(file)
        counted()

    os.pwrite, os.ftruncate, os.fsync = pwrite, ftruncate, fsync


if __name__ == "__main__":
    follow_with_threads(
        Path(sys.argv[1]),
        int(sys.argv[2]),
        said=lambda: print("going", flush=True),  # noqa: T201
    )
