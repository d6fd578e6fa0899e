"""Peak memory and time of the steps that read a source's rows, at several numbers of rows.

`python benchmarks/memory.py --rows 100000 500000 1000000 5000000` makes a scratch project with a
champion for connections (simulated, as Parquet) and one for a table of NSL-KDD's width (CSV), then
runs each step in a process of its own and asks the system for its peak and its CPU time, which
others on the machine disturb least. `--tree FOLDER`, given
several times, takes the code from there: before and after in one run, on the same files.
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

import numpy as np
import pandas as pd
import yaml

from oddwire.params import SimulatedSource
from oddwire.traffic.sources.simulated import simulate

HERE = Path(__file__).resolve().parents[1]
STEPS = ("score", "score-fdr", "ingest", "prepare", "explore", "train")
FILES = ("connections.parquet", "connections-log.parquet", "connections.csv", "table.csv")
TRAINED_ROWS = 40_000
_DAYS = 14
_NUMBERS, _CATEGORIES = 38, {"protocol": 3, "service": 60, "flag": 11}
_CHUNK = 250_000
_SEED = 7


@dataclass(frozen=True)
class Figure:
    """What one run of one step took."""

    tree: str
    step: str
    file: str
    rows: int
    peak_mb: float
    cpu_seconds: float
    seconds: float
    code: int


def main() -> None:
    """Measure, print a table, and keep the figures as JSON lines if asked to."""
    options = _options()
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        work.mkdir(exist_ok=True, parents=True)
        project = _project(work, options.tree[0])
        for rows in options.rows:
            for file in options.files:
                source = _make(work, file, rows)
                for step in options.steps:
                    for tree in options.tree:
                        figure = _measure(project, tree, step, source, rows)
                        print(_line(figure), flush=True)
                        if options.keep:
                            with options.keep.open("a", encoding="utf-8") as kept:
                                kept.write(json.dumps(asdict(figure)) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 500_000, 1_000_000])
    parser.add_argument("--files", nargs="+", choices=FILES, default=FILES)
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--tree", type=Path, action="append", default=[])
    parser.add_argument("--work", type=Path, help="keep the files here, and use those that are")
    parser.add_argument("--keep", type=Path, help="append the figures to this file")
    options = parser.parse_args()
    options.tree = options.tree or [HERE]
    return options


def _line(figure: Figure) -> str:
    million = figure.cpu_seconds / figure.rows * 1e6
    failed = f"  exit code {figure.code}" if figure.code else ""
    return (
        f"{figure.tree:<12} {figure.step:<10} {figure.file:<24} {figure.rows:>9,} rows "
        f"{figure.peak_mb:>7,.0f} MB {figure.seconds:>6.0f} s, CPU {figure.cpu_seconds:>6.1f} s, "
        f"{million:>6.1f} s/million{failed}"
    )


def _project(work: Path, tree: Path) -> Path:
    """Make a project with a champion for each format."""
    folder = work / "project"
    if folder.exists():
        return folder
    subprocess.run(["git", "clone", "-q", str(tree), str(folder)], check=True)
    _frame_of_table(TRAINED_ROWS, seed=1).to_csv(folder / "small.csv", index=False)
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    params["sources"] = {
        "simulated": {"format": "simulated", "seed": _SEED, "days": 7, "connections_per_day": 4000},
        "table": {"format": "table", "train": "small.csv", "label": "label", "benign": ["normal"]},
        "big": {"format": "table", "train": str(work / "big"), "label": "label", "benign": [0]},
    }
    params.pop("drift", None)
    for source in ("simulated", "table"):
        (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
        command = ["train", source, "--trials", "0", "--detectors", "isolation_forest"]
        _run(folder, tree, ["-m", "oddwire.cli", *command])
    return folder


def _make(work: Path, name: str, rows: int) -> Path:
    file = work / f"{rows}-{name}"
    if file.exists():
        return file
    if name == "table.csv":
        for start in range(0, rows, _CHUNK):
            chunk = _frame_of_table(min(_CHUNK, rows - start), seed=start + 2)
            chunk.to_csv(file, index=False, mode="a", header=start == 0)
        return file
    source = SimulatedSource(
        format="simulated", seed=_SEED, days=_DAYS, connections_per_day=rows // _DAYS + 1
    )
    frame = simulate(source).head(rows)
    if name == "connections-log.parquet":  # not in the order of their ends, in which they are known
        frame = frame.sort_values("ts", kind="stable")
    if name.endswith(".csv"):
        frame.to_csv(file, index=False)
    else:
        frame.to_parquet(file, index=False)
    return file


def _frame_of_table(rows: int, *, seed: int) -> pd.DataFrame:
    """Make rows as wide as NSL-KDD's: counters, rates of two digits, three categories."""
    random = np.random.default_rng(seed)
    attack = random.random(rows) < 0.1
    content: dict[str, object] = {}
    for at in range(_NUMBERS):
        if at < _NUMBERS // 2:
            numbers = random.lognormal(4, 2, rows).astype(np.int64) * (random.random(rows) < 0.6)
        else:
            numbers = random.beta(0.5, 0.5, rows).round(2)
        content[f"number_{at}"] = np.where(attack, numbers * 3, numbers)
    for name, different in _CATEGORIES.items():
        values = np.array([f"{name[:2]}{value}" for value in range(different)], dtype=object)
        content[name] = values[random.zipf(1.6, rows) % different]
    content["label"] = np.where(attack, "neptune", "normal")
    return pd.DataFrame(content)


def _measure(project: Path, tree: Path, step: str, file: Path, rows: int) -> Figure:
    source = "table" if file.name.endswith("table.csv") else "simulated"
    if step.startswith("score"):
        out = file.with_name(f"scored-{file.name}")
        command = ["-m", "oddwire.cli", "score", str(file), "--source", source, "--out", str(out)]
        if step == "score-fdr":
            command += ["--fdr", "0.1", "--explain"]
    else:
        _point_at(project, file, source)
        command = (
            ["-m", f"oddwire.stages.{step}", "big"] if step != "train"
            else ["-m", "oddwire.cli", "train", "big", "--trials", "0",
                  "--detectors", "isolation_forest", "--retrain"]
        )  # fmt: skip
        if step == "ingest":
            _run(project, tree, ["-m", "oddwire.stages.link", "big"])
    begun = time.perf_counter()
    peak, cpu, code = _run(project, tree, command)
    seconds = time.perf_counter() - begun
    name = file.name.partition("-")[2]
    return Figure(tree.resolve().name, step, name, rows, peak, cpu, seconds, code)


def _point_at(project: Path, file: Path, source: str) -> None:
    """Make ``big`` the source of a file."""
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    labels = {"label": "label", "benign": ["normal"] if source == "table" else [0]}
    if source == "simulated":
        labels |= {"attack": "attack", "time": "ts", "drop": ["campaign"]}
    params["sources"]["big"] = {"format": "table", "train": str(file), **labels}
    (project / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")


def _run(project: Path, tree: Path, command: list[str]) -> tuple[float, float, int]:
    """Run Python in a process of its own; return its peak in MB, CPU seconds and exit code."""
    places = os.pathsep.join((str(tree / "src"), str(tree)))
    environment = os.environ | {"PYTHONPATH": places, "ODDWIRE_PROJECT": str(project)}
    with (project.parent / "last.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *command], env=environment, stdout=log, stderr=log, cwd=project
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, process.returncode


if __name__ == "__main__":
    main()
