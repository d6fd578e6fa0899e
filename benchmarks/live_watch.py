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
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from live_lines import HEADER, POOL, lines_of
from live_redis import redis_server
from live_seen import Seen

from oddwire.detection.calibration.thresholds.chosen import THRESHOLD
from oddwire.detection.model import Model
from oddwire.live.reading.opening import open_reading
from oddwire.live.scoring.champion import load_to_score
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


def main() -> None:
    """Measure, and print lines or one JSON object."""
    options = _options()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder)))
        project = _project(folder, options.input)
        where = str(folder / "logs" / "conn.log")
        if options.input == "redis":
            where = stack.enter_context(redis_server())
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
    champion = load_to_score(Registry.of(Tracking.connect(project), project), SOURCE, unit)
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


def _lines(found: dict[str, Any]) -> Iterator[str]:
    for name, value in found.items():
        yield f"{name.replace('_', ' '):>28}  {value}"


if __name__ == "__main__":
    main()
