"""Logs scored into Parquet: connections per second against plain pandas, memory and growth.

`python benchmarks/logs.py` writes simulated connections as a Zeek log, a Zeek log in JSON and EVE
of Suricata, trains an isolation forest with the default hyperparameters, and scores each log in a
process of its own: reading, all features, scores, p-values, Parquet. `plain_pandas.py` scores the
same Zeek log in the same run. Starting Python, loading the model and compiling are not counted for
either; seconds are the best of several, CPU seconds beside them. ``--growth`` adds a log of so many
connections, for peak memory and seconds per connection against the smaller one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

HERE = Path(__file__).resolve().parents[1]
WAYS = ("zeek-tsv", "zeek-json", "eve", "plain", "plain-distinct")
_DAYS, _SEED, _CHUNK, _TRAINED = 14, 7, 100_000, 20_000
_ZEEK = {
    "ts": "ts", "uid": "uid", "src_ip": "id.orig_h", "src_port": "id.orig_p", "dst_ip": "id.resp_h",
    "dst_port": "id.resp_p", "proto": "proto", "service": "service", "duration": "duration",
    "src_bytes": "orig_bytes", "dst_bytes": "resp_bytes", "conn_state": "conn_state",
    "history": "history", "src_packets": "orig_pkts", "dst_packets": "resp_pkts",
}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """What scoring one log took."""

    way: str
    rows: int
    seconds: float
    cpu_seconds: float
    peak_mb: float

    @property
    def per_second(self) -> float:
        """Connections per second."""
        return self.rows / self.seconds


def main() -> None:
    """Measure, and print lines or one JSON object."""
    options = _options()
    if options.one:
        print(json.dumps(_score_here(options.one, options.work, options.rows)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        work.mkdir(exist_ok=True, parents=True)
        _prepare(work, options.rows, options.ways)
        found = [_best(way, work, options.rows, options.repeats) for way in options.ways]
        if options.growth:
            _prepare(work, options.rows, ["zeek-tsv"])
            _repeat(work, options.rows, options.growth)
            found.append(_best("zeek-tsv", work, options.growth, 1))
    print(json.dumps(_report(found), indent=2) if options.json else "\n".join(_lines(found)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--growth", type=int, help="score a Zeek log of so many connections too")
    parser.add_argument("--work", type=Path, help="keep the logs here, and use those that are")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _prepare(work: Path, rows: int, ways: list[str]) -> None:
    """Write the logs that are not there, and train a model on a few of their connections."""
    wanted = {way if way in _WRITERS else "zeek-tsv" for way in ways}
    wanted = {way for way in wanted if not _log(work, way, rows).exists()}
    if not wanted and (work / "model").exists():
        return
    from oddwire.params import SimulatedSource
    from oddwire.traffic.sources.simulated import simulate

    days = SimulatedSource(
        format="simulated", seed=_SEED, days=_DAYS, connections_per_day=rows // _DAYS + 1
    )
    connections = simulate(days).head(rows)
    for way in sorted(wanted):
        write, draft = _WRITERS[way], work / "draft"
        with draft.open("w", encoding="utf-8") as target:
            for start in range(0, rows, _CHUNK):
                write(connections.iloc[start : start + _CHUNK], target, start == 0)
        draft.rename(_log(work, way, rows))
    if not (work / "model").exists():
        _train(connections).save(work / "model")


def _repeat(work: Path, rows: int, growth: int) -> None:
    """Write the Zeek log again and again, each time as many days later, with uids of its own."""
    grown, left = _log(work, "zeek-tsv", growth), growth
    if grown.exists():
        return
    with grown.open("w", encoding="utf-8") as target:
        for number in range(-(-growth // rows)):
            with _log(work, "zeek-tsv", rows).open(encoding="utf-8") as lines:
                for line in lines:
                    if line.startswith("#"):
                        target.write(line if not number else "")
                    elif left:
                        seconds, part, rest = line.partition(".")
                        micros, _, behind = rest.partition("\t")
                        later = int(seconds) + number * _DAYS * 86_400
                        target.write(f"{later}{part}{micros}\t{number}{behind}")
                        left -= 1


def _train(connections: pd.DataFrame) -> Any:
    from oddwire.detection.model import Model
    from oddwire.traffic.features.connection_features import (
        CONNECTION_FEATURES,
        connection_features,
    )

    rows = connection_features(connections.head(4 * _TRAINED))
    benign = rows[rows["label"] == 0]
    model = Model.build(CONNECTION_FEATURES, "isolation_forest", seed=_SEED)
    return model.fit(benign[:_TRAINED]).calibrate(benign[_TRAINED : 2 * _TRAINED])


def _log(work: Path, way: str, rows: int) -> Path:
    ending = {"zeek-json": "json", "eve": "eve"}.get(way, "log")
    return work / f"{rows}.{ending}"


def _write_tsv(rows: pd.DataFrame, target: Any, first: bool) -> None:
    log = _zeek(rows)
    if first:
        target.write("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n")
        target.write("#unset_field\t-\n#path\tconn\n#fields\t" + "\t".join(log) + "\n")
    log.to_csv(target, sep="\t", na_rep="-", header=False, index=False, float_format="%.6f")


def _write_json(rows: pd.DataFrame, target: Any, first: bool) -> None:  # noqa: ARG001
    for row in _zeek(rows).astype(object).to_dict("records"):
        known = {name: value for name, value in row.items() if not pd.isna(value)}
        target.write(json.dumps(known | {"ts": float(known["ts"])}, separators=(",", ":")) + "\n")


def _write_eve(rows: pd.DataFrame, target: Any, first: bool) -> None:  # noqa: ARG001
    for at, row in enumerate(rows.astype(object).to_dict("records")):
        start, end = (f"{row[name]:%Y-%m-%dT%H:%M:%S.%f}+0000" for name in ("ts", "end"))
        event = {
            "timestamp": end, "flow_id": hash(row["uid"]) & 0xFFFFFFFFFFFF, "event_type": "flow",
            "src_ip": row["src_ip"], "src_port": row["src_port"], "dest_ip": row["dst_ip"],
            "dest_port": row["dst_port"], "proto": str(row["proto"]).upper(),
            "app_proto": row["service"],
            "flow": {
                "pkts_toserver": row["src_packets"], "pkts_toclient": row["dst_packets"],
                "bytes_toserver": row["src_bytes"], "bytes_toclient": row["dst_bytes"],
                "start": start, "end": end, "age": at % 60, "state": "closed",
                "reason": "timeout", "alerted": False,
            },
        }  # fmt: skip
        target.write(json.dumps(event, separators=(",", ":"), default=_missing) + "\n")


def _missing(value: object) -> None:
    if value is not pd.NA:
        raise TypeError(f"cannot be written: {value!r}")


def _zeek(rows: pd.DataFrame) -> pd.DataFrame:
    log = rows[[name for name in _ZEEK if name in rows]].rename(columns=_ZEEK)
    micros = _micros(rows["ts"])
    return log.assign(ts=[f"{at // 1_000_000}.{at % 1_000_000:06d}" for at in micros.tolist()])


def _micros(times: pd.Series[Any]) -> NDArray[np.int64]:
    found: NDArray[Any] = times.dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    return found.view(np.int64)


_WRITERS: dict[str, Callable[[pd.DataFrame, Any, bool], None]] = {
    "zeek-tsv": _write_tsv,
    "zeek-json": _write_json,
    "eve": _write_eve,
}


def _best(way: str, work: Path, rows: int, repeats: int) -> Figure:
    figures = [_measure(way, work, rows) for _ in range(1 if "plain" in way else repeats)]
    return min(figures, key=lambda figure: figure.seconds)


def _measure(way: str, work: Path, rows: int) -> Figure:
    """Score in a process of its own; the system tells its peak."""
    places = os.pathsep.join((str(HERE / "src"), str(HERE / "benchmarks")))
    command = [sys.executable, __file__, "--one", way, "--work", str(work), "--rows", str(rows)]
    with subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": places}, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None  # noqa: S101
        measured = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{way} failed")
    return Figure(**json.loads(measured), peak_mb=usage.ru_maxrss / 1024)


def _score_here(way: str, work: Path, rows: int) -> dict[str, Any]:
    log, out = _log(work, way, rows), work / f"{way}.parquet"
    run = _plain(work, way) if "plain" in way else _ours(work, way)
    begun, spent = time.perf_counter(), time.process_time()
    scored = run(log, out)
    took = {"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - spent}
    if scored != rows:
        raise SystemExit(f"{way}: {scored} of {rows} connections were scored")
    return {"way": way, "rows": rows, **took}


def _ours(work: Path, way: str) -> Callable[[Path, Path], int]:
    from oddwire.detection.model import Model
    from oddwire.operations.scoring.carried import Carried
    from oddwire.operations.scoring.file_scoring import Asked, FileScoring
    from oddwire.params import SuricataSource, ZeekSource
    from oddwire.params.loading import Params
    from oddwire.traffic.features.in_batches import FeaturesInBatches
    from oddwire.traffic.sources import open_file

    model = Model.load(work / "model")
    batch = Params.model_fields["rows_at_once"].default

    def run(log: Path, out: Path) -> int:
        source = (
            SuricataSource(format="suricata", files=(str(log),)) if way == "eve"
            else ZeekSource(format="zeek", files=(str(log),))
        )  # fmt: skip
        opened = open_file(source, log, schema=model.schema, rows=batch)
        features = FeaturesInBatches("connections", model.schema)
        scoring = FileScoring(
            opened, features, Carried(model, adaptive=False), model, "1", asked=Asked(None, 0),
            out=out,
        )  # fmt: skip
        scoring.write()
        return scoring.scorer.rows

    _on_a_few(work, way, run)
    return run


def _plain(work: Path, way: str) -> Callable[[Path, Path], int]:
    import plain_pandas

    distinct = way == "plain-distinct"
    few = _few(work, "zeek-tsv")
    model = plain_pandas.fit(
        plain_pandas.features(plain_pandas.read(few), distinct=distinct), seed=_SEED
    )
    return lambda log, out: plain_pandas.score(log, out, model, distinct=distinct)


def _on_a_few(work: Path, way: str, run: Callable[[Path, Path], int]) -> None:
    """Compile and load what the first call does."""
    run(_few(work, way), work / "few.parquet")


def _few(work: Path, way: str) -> Path:
    """Return a log of the first connections."""
    whole = min(work.glob(f"[0-9]*{_log(work, way, 0).suffix}"))
    few = work / f"few-{whole.name}"
    with whole.open(encoding="utf-8") as lines:
        few.write_text("".join(line for line, _ in zip(lines, range(_TRAINED), strict=False)))
    return few


def _report(found: list[Figure]) -> dict[str, Any]:
    figures = [asdict(figure) | {"connections_per_second": figure.per_second} for figure in found]
    return {"figures": figures, **_ratios(found)}


def _ratios(found: list[Figure]) -> dict[str, float]:
    ours = next((figure for figure in found if figure.way == "zeek-tsv"), None)
    if ours is None:
        return {}
    ratios = {
        f"times as fast as {figure.way}": ours.per_second / figure.per_second
        for figure in found
        if "plain" in figure.way
    }
    grown = found[-1]
    if grown.way == "zeek-tsv" and grown.rows > ours.rows:
        for name in ("seconds", "cpu_seconds"):
            each, first = (getattr(one, name) / one.rows for one in (grown, ours))
            ratios[f"{name} per connection against {ours.rows:,}"] = each / first
    return ratios


def _lines(found: list[Figure]) -> list[str]:
    lines = [
        f"{figure.way:<15} {figure.rows:>9,} {figure.per_second:>10,.0f}/s "
        f"{figure.seconds:>7.1f} s, CPU {figure.cpu_seconds:>6.1f} s {figure.peak_mb:>6,.0f} MB"
        for figure in found
    ]
    return lines + [f"{name}: {ratio:.2f}" for name, ratio in _ratios(found).items()]


if __name__ == "__main__":
    main()
