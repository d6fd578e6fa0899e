"""A watch as `live_watch.py` sees it from outside: its store, and what the kernel says of it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from oddwire.project import Project

_POLL = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")


class Seen:
    """Looks at a watch from outside."""

    def __init__(self, project: Project, pid: int) -> None:
        self._project, self._pid = project, pid
        self._file = project.live / "alerts.db"
        self._latencies: list[tuple[float, float]] = []

    def wait_for_rows(self, watch: subprocess.Popen[bytes]) -> float:
        """Return how long it takes until the watch has scored something, in seconds."""
        begun = time.monotonic()
        while not self._rows():
            if watch.poll() is not None:
                raise SystemExit((self._project.root / "watch.log").read_text())
            time.sleep(0.1)
        return round(time.monotonic() - begun, 1)

    def wait_for_lag(self, patience: float, most: float = 2.0) -> dict[str, Any]:
        """Wait until what was written during the start is scored; return how fast that was."""
        begun, rows, cpu = time.monotonic(), self._rows(), self._cpu()
        while (lag := self._lag(time.time())) > most and time.monotonic() - begun < patience:
            time.sleep(0.25)
        took, rows = time.monotonic() - begun, self._rows() - rows
        return {
            "catching_up_s": round(took, 1), "catching_up_rows_per_second": round(rows / took),
            "catching_up_cpu_s_per_100000": round(1e5 * (self._cpu() - cpu) / max(rows, 1), 3),
            "lag_then_s": round(lag, 2),
        }  # fmt: skip

    def during(self, seconds: float) -> dict[str, Any]:
        """Look for so long, and return what was seen."""
        done = threading.Event()
        looking = threading.Thread(target=self._look, args=(done,))
        rows, cpu, threads = self._rows(), self._cpu(), self._threads()
        begun, samples = time.time(), []
        looking.start()
        while (now := time.time()) - begun < seconds:
            samples.append((now - begun, self._lag(now), self._resident(), *self._sizes()))
            time.sleep(max(0.0, begun + len(samples) * min(1.0, seconds / 60) - time.time()))
        took, rows = time.time() - begun, self._rows() - rows
        cpu = self._cpu() - cpu
        each = sorted((self._threads()[one] - threads.get(one, 0) for one in self._threads()),
                      reverse=True)  # fmt: skip
        done.set()
        looking.join()
        return self._summary(samples, rows, took, cpu, each)

    def _summary(
        self, samples: list[tuple], rows: int, took: float, cpu: float, each: list[float]
    ) -> dict[str, Any]:
        at, lag, resident, store, wal = map(np.array, zip(*samples, strict=True))
        latencies = np.array([late for _, late in self._latencies]) if self._latencies else [np.nan]
        third, sixth = at[-1] / 3, at[-1] / 6
        megabytes = {
            name: [round(float(values[part].mean()) / 1e6, 1) for part in
                   (at <= sixth, at >= at[-1] - sixth)] + [round(float(values.max()) / 1e6, 1)]
            for name, values in (("resident_mb", resident), ("store_mb", store), ("wal_mb", wal))
        }  # fmt: skip
        return {
            "rows_per_second": round(rows / took),
            "cpu_s_per_100000": round(cpu / rows * 1e5, 3),
            "cpu_share": round(cpu / took, 3),
            "cpu_share_of_threads": [round(one / took, 3) for one in each[:6]],
            "lag_first_and_last_third_s": [
                round(float(np.median(lag[part])), 2) for part in (at <= third, at >= 2 * third)
            ],
            "alerts_per_second": round(len(latencies) / took, 1),
            "latency_s": {
                name: round(float(np.quantile(latencies, share)), 3)
                for name, share in (("p50", 0.5), ("p99", 0.99), ("most", 1.0))
            },
            # of the first and the last sixth, and the most
            **megabytes,
        }

    def _look(self, done: threading.Event) -> None:
        with sqlite3.connect(self._file) as opened:
            last = opened.execute("SELECT coalesce(max(rowid), 0) FROM alerts").fetchone()[0]
            while not done.wait(_POLL):
                found = opened.execute(
                    "SELECT rowid, seen FROM alerts WHERE rowid > ? ORDER BY rowid", (last,)
                ).fetchall()
                now = time.time()
                self._latencies += [(now, now - seen) for _, seen in found]
                last = found[-1][0] if found else last
        opened.close()

    def _counts(self) -> dict[str, Any]:
        found = self._asked("SELECT content FROM carried WHERE name = 'counts'")
        return json.loads(found) if found else {"counts": {"rows": 0}, "newest": None}

    def _rows(self) -> int:
        return int(self._counts()["counts"]["rows"])

    def _lag(self, now: float) -> float:
        newest = self._counts()["newest"]
        return now - (newest or 0) / 1e6

    def _asked(self, query: str) -> Any:
        try:
            opened = sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)
        except sqlite3.OperationalError:
            return None
        try:
            found = opened.execute(query).fetchone()
        except sqlite3.OperationalError:
            return None
        finally:
            opened.close()
        return None if found is None else found[0]

    def _cpu(self) -> float:
        return _seconds(Path(f"/proc/{self._pid}/stat"))

    def _threads(self) -> dict[str, float]:
        tasks = Path(f"/proc/{self._pid}/task").iterdir()
        return {task.name: _seconds(task / "stat") for task in tasks}

    def _resident(self) -> int:
        return int(Path(f"/proc/{self._pid}/statm").read_text().split()[1]) * 4096

    def _sizes(self) -> tuple[int, int]:
        wal = self._file.with_name("alerts.db-wal")
        return self._file.stat().st_size, wal.stat().st_size if wal.exists() else 0


def _seconds(stat: Path) -> float:
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / _TICKS
