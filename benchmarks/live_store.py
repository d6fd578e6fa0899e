"""How many commits and messages the store takes, with a file that is delivered to beside it.

Then what a checkpoint costs, and how long a page of a list takes where there are 1,000,000 alerts.
Run ``python benchmarks/live_store.py [FOLDER]``; the folder lies on the disk to measure.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from oddwire.live.alerts.alert import hashed_id
from oddwire.live.alerts.kinds import Kind
from oddwire.live.sinks import Deliveries
from oddwire.live.sinks.json_lines import JsonLines
from oddwire.live.state import (
    AlertStore,
    Commit,
    Following,
    KeptRows,
    Message,
    Policy,
    Store,
    StoredAlert,
)

COMMITS = 100
BODY = '{"text": "' + "x" * 1500 + '"}'


def batch(number: int, alerts: int, state: bytes) -> Commit:
    ids = [hashed_id("alert", str(number), str(one)) for one in range(alerts)]
    return Commit(
        position=b"p" * 200,
        carried={"windows": state},
        alerts=tuple(StoredAlert(one, float(number), BODY) for one in ids),
        messages=tuple(Message(one, "alert", BODY) for one in ids),
    )


def measure(folder: Path, alerts: int, megabytes: float) -> str:
    state = bytes(int(megabytes * 1e6))
    store = Store(f"sqlite:///{folder / 'alerts.db'}", source="bench", sinks={"file": Policy()})
    sinks = {"file": JsonLines(folder / "alerts.jsonl")}
    took, following = [], Following()
    with store, Deliveries(store, sinks) as deliveries:
        began = time.perf_counter()
        for number in range(COMMITS):
            one = time.perf_counter()
            given_up = deliveries.wait_for_room()
            made = store.commit(batch(number, alerts, state), after=following, given_up=given_up)
            following = made.following
            deliveries.wake()
            took.append(time.perf_counter() - one)
        deliveries.drain(600)
        seconds = time.perf_counter() - began
    half, most = 1000 * np.quantile(took, [0.5, 0.99])
    rate = f"{COMMITS * alerts / seconds:,.0f} messages/s" if alerts else ""
    return f"{alerts:>6} {megabytes:>6} MB {half:8.1f} ms {most:8.1f} ms   {rate}"


def checkpoints(folder: Path, megabytes: int) -> str:
    took: dict[bool, list[float]] = {True: [], False: []}
    state, rows = os.urandom(megabytes * 1_000_000), KeptRows(os.urandom(100_000), 1000, 0, 0)
    with Store(f"sqlite:///{folder / 'alerts.db'}", source="bench") as store:
        following = store.following()
        for number in range(44):
            heavy = number % 11 == 0
            made = Commit(b"p" * 200, rows=rows, checkpoint=state if heavy else None)
            began = time.perf_counter()
            following = store.commit(made, after=following).following
            took[heavy].append(time.perf_counter() - began)
    log = (folder / "alerts.db").stat().st_size / 1e6
    half, most = (1000 * np.median(took[heavy]) for heavy in (False, True))
    return f"commit {half:.1f} ms, with a checkpoint of {megabytes} MB {most:.0f} ms; {log:.0f} MB"


def lists(folder: Path, alerts: int) -> Iterator[str]:
    address = f"sqlite:///{folder / 'alerts.db'}"
    chance = np.random.default_rng(15)
    kinds = [kind.value for kind in Kind]
    with Store(address, source="bench") as store:
        following = store.following()
        for start in range(0, alerts, 10_000):
            following = store.commit(
                Commit(b"", alerts=tuple(some_alerts(start, 10_000, kinds, chance))),
                after=following,
            ).following
    questions: dict[str, dict[str, Any]] = {
        "all": {}, "suppressed": {"suppressed": True}, "critical": {"severity": 4},
        "kind and severity": {"kind": kinds[0], "severity": (3, 4)},
        "an address": {"address": "10.0.3.7"}, "many addresses": {"address": "10.0.3."},
        "an hour": {"since": alerts / 2, "until": alerts / 2 + 3600},
    }  # fmt: skip
    with AlertStore(address) as reader:
        for name, asked in questions.items():
            began = time.perf_counter()
            found = len(reader.alerts(**asked, limit=50))
            yield f"{name:<18} {found:>3} alerts {1000 * (time.perf_counter() - began):8.1f} ms"


def some_alerts(
    start: int, number: int, kinds: list[str], chance: np.random.Generator
) -> Iterator[StoredAlert]:
    for one in range(start, start + number):
        yield StoredAlert(
            hashed_id("alert", str(one)), float(one), BODY, f"{one // 20:032x}",
            suppressed="known" if one % 100_000 == 7 else "", severity=1 + int(one % 1000 == 0) * 3,
            kind=kinds[int(chance.integers(len(kinds)))],
            source_address=f"10.0.{one % 20}.{chance.integers(250)}", destination="10.9.9.9",
        )  # fmt: skip


def main() -> None:
    print("alerts  state    median       99 %")
    for alerts, megabytes in ((0, 0.01), (1, 0.01), (10, 1), (100, 1), (1000, 1), (1, 10)):
        with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
            print(measure(Path(folder), alerts, megabytes), flush=True)
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        print(checkpoints(Path(folder), 40), flush=True)
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        for line in lists(Path(folder), 1_000_000):
            print(line, flush=True)


if __name__ == "__main__":
    main()
