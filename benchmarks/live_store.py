"""How many commits and messages the store takes, with a file that is delivered to beside it.

Run ``python benchmarks/live_store.py [FOLDER]``; the folder lies on the disk to measure.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from oddwire.live.sinks import Deliveries
from oddwire.live.sinks.json_lines import JsonLines
from oddwire.live.state import (
    Commit,
    Following,
    Message,
    Policy,
    Store,
    StoredAlert,
    deterministic_id,
)

COMMITS = 100
BODY = '{"text": "' + "x" * 1500 + '"}'


def batch(number: int, alerts: int, state: bytes) -> Commit:
    ids = [deterministic_id("alert", number, one) for one in range(alerts)]
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


def main() -> None:
    print("alerts  state    median       99 %")
    for alerts, megabytes in ((0, 0.01), (1, 0.01), (10, 1), (100, 1), (1000, 1), (1, 10)):
        with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
            print(measure(Path(folder), alerts, megabytes), flush=True)


if __name__ == "__main__":
    main()
