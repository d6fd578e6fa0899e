"""How long rows wait for a checkpoint, with full time windows and 10,000 connections a second.

Run ``python benchmarks/live_checkpoint.py [FOLDER]``; the folder lies on the disk to measure. It
fills the windows and the long memory, commits ten minutes of kept rows, and then times each part of
the next checkpoint: taking the state, packing it, and the commit that also forgets what no window
needs any more.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rolling_windows import Traffic

from oddwire.live.alerts.alert import MadeBy
from oddwire.live.scoring.kept_rows import PastRows, packed_arrays
from oddwire.live.scoring.live_scoring import LiveScoring
from oddwire.live.scoring.pipeline import Pipeline
from oddwire.live.state import Commit, Following, KeptRows, Store
from oddwire.traffic.features.clock import MICROSECONDS, Clock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.live_traffic import traffic

RATE, SECONDS, AT_ONCE = 10_000, 600, 2_000
WINDOW = SECONDS * MICROSECONDS


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long something took, and how much of the processor."""
    began, cpu = time.perf_counter(), time.process_time()
    yield
    took, used = time.perf_counter() - began, time.process_time() - cpu
    print(f"{what:<46} {1000 * took:8.0f} ms, processor {1000 * used:8.0f} ms", flush=True)


def kept_rows(rows: Traffic) -> Callable[[int], KeptRows]:
    """Return what gives the kept rows of a commit: the same content, each at its own time."""
    frame = rows.next(AT_ONCE)
    past = PastRows.unscored(frame, Clock().of(frame)).packed()

    def at(number: int) -> KeptRows:
        end = (number + 1) * AT_ONCE * MICROSECONDS // RATE
        return KeptRows(past, AT_ONCE, end - 1, end)

    return at


def main() -> None:
    """Fill, and time checkpoints."""
    rows = Traffic(RATE)
    scoring = LiveScoring(traffic().model, "1", adaptive=False)
    with timed("fill the windows"):
        scoring.remember(rows.next(100_000) for _ in range(RATE * SECONDS // 100_000))
    pipeline = Pipeline(scoring, MadeBy("bench", "bench", "1", "", 0.6), minutes=10)
    at, each = kept_rows(rows), RATE * SECONDS // AT_ONCE
    where = sys.argv[1] if len(sys.argv) > 1 else None
    with (
        tempfile.TemporaryDirectory(dir=where) as folder,
        Store(f"sqlite:///{folder}/alerts.db", source="bench") as store,
    ):
        following, number = Following(), 0

        def commit(made: Commit) -> None:
            nonlocal following, number
            made = replace(made, rows=at(number), window=WINDOW)
            following = store.commit(made, after=following).following
            number += 1

        for turn in range(4):
            with timed("take the state"):
                arrays = pipeline.to_arrays()
            with timed("pack it"):
                content = packed_arrays(arrays)
            with timed(f"commit it ({len(content) / 1e6:.0f} MB)"):
                commit(Commit(b"p", checkpoint=content))
            took = []
            for _ in range(each // 2):
                began = time.perf_counter()
                commit(Commit(b"p"))
                took.append(time.perf_counter() - began)
            took.sort()
            print(
                f"turn {turn}: {len(took)} commits, median {1000 * took[len(took) // 2]:.0f} "
                f"ms, 99 % {1000 * took[-len(took) // 100]:.0f} ms, "
                f"most {1000 * took[-1]:.0f} ms", flush=True,
            )  # fmt: skip


if __name__ == "__main__":
    main()
