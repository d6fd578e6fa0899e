"""oddwire's detectors against PyOD's: same rows, same splits, one process, defaults on both sides.

    pip install 'oddwire[bench]'
    ODDWIRE_SHARED_DATA=... python benchmarks/peers.py

PyOD's detectors get the rows standardised and one-hot, as its examples do; oddwire's get the
feature frame, since preprocessing belongs to them. Nothing is searched and nothing sees a label.
Memory is what a fit and a scoring add to one long process: what was freed before is not seen.
Every figure is the mean over the seeds, of which each also draws another half of the samples' rows.
Rows scored per second count all that leads from a frame or matrix to scores. Writes
``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import os
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import psutil
from detectors import rates_table
from rich.console import Console
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from tasks import Task, tasks

from oddwire.cli.environment import quiet_tools
from oddwire.detection.detectors import DETECTORS
from oddwire.detection.model import Model

_BY_HAND = "## Logs scored"  # from here on the page is not written by this script
PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
SAME_KIND = {
    "isolation_forest": "IForest", "one_class_svm": "OCSVM", "autoencoder": "AutoEncoder",
    "nearest_neighbours": "KNN", "local_outlier_factor": "LOF",
}  # fmt: skip
PEERS = ("IForest", "OCSVM", "KNN", "LOF", "ECOD", "AutoEncoder")
Scorer = Callable[[pd.DataFrame], np.ndarray]


class Memory:
    """The most memory in use during a ``with``, beyond what was in use before."""

    def __enter__(self) -> Self:
        self._process = psutil.Process()
        self._before = self._most = self._process.memory_info().rss
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def _watch(self) -> None:
        while not self._done.wait(0.01):
            self._most = max(self._most, self._process.memory_info().rss)

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watcher.join()
        self.megabytes = (self._most - self._before) / 1e6


@dataclass(frozen=True)
class Result:
    """One detector on one task with one seed."""

    task: str
    detector: str
    roc_auc: float
    average_precision: float
    fit_seconds: float
    rows_per_second: float
    megabytes: float


def ours(name: str, task: Task, seed: int) -> Scorer:
    """Fit one of oddwire's models with its defaults."""
    model = Model.build(task.schema, name, seed=seed).fit(task.train)
    return model.anomaly_score


def standardised(task: Task) -> ColumnTransformer:
    """Return what makes a matrix as PyOD's examples do: mean 0, variance 1, one-hot."""
    numbers = make_pipeline(
        FunctionTransformer(lambda rows: rows.replace([np.inf, -np.inf], np.nan)),
        SimpleImputer(strategy="median"),
        StandardScaler(),
    )
    words = make_pipeline(
        FunctionTransformer(lambda rows: rows.astype(str)),
        OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=33, sparse_output=False),
    )
    columns = [(numbers, list(task.schema.numeric)), (words, list(task.schema.categorical))]
    return make_column_transformer(*columns)


def peer(name: str, task: Task, seed: int) -> Scorer:
    """Fit one of PyOD's detectors with its defaults."""
    import importlib

    module = {"AutoEncoder": "auto_encoder"}.get(name, name.lower())
    detector_class = getattr(importlib.import_module(f"pyod.models.{module}"), name)
    preprocessing = standardised(task).fit(task.train)
    seeded = {"IForest": "random_state", "AutoEncoder": "random_state"}.get(name)
    detector = detector_class(**({seeded: seed} if seeded else {}))
    detector.fit(preprocessing.transform(task.train))
    return lambda frame: detector.decision_function(preprocessing.transform(frame))


def warm_up(kind: str, name: str, task: Task) -> None:
    """Let a detector import and compile what it needs, which must not count as fitting."""
    few = replace(task, train=task.train.head(100))
    (ours if kind == "oddwire" else peer)(name, few, 0)(task.test.head(10))


def measure(kind: str, name: str, task: Task, seed: int) -> Result:
    """Fit, score and evaluate."""
    make = ours if kind == "oddwire" else peer
    gc.collect()
    with Memory() as memory:
        begun = time.perf_counter()
        scorer = make(name, task, seed)
        fitted = time.perf_counter()
        scores = scorer(task.test)
        scored = time.perf_counter()
    return Result(
        task.name, f"{kind} {name}",
        float(roc_auc_score(task.attack, scores)),
        float(average_precision_score(task.attack, scores)),
        fitted - begun, len(task.test) / (scored - fitted), memory.megabytes,
    )  # fmt: skip


def page(results: pd.DataFrame, seeds: int) -> str:
    """Return the page: a table per task, the best first."""
    packages = ("oddwire", "pyod", "scikit-learn", "torch", "numpy")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    made = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}; {machine}; {versions}; mean of {seeds} seeds."
    lines = [_INTRODUCTION, made]
    for task, rows in results.groupby("task", sort=False):
        lines += ["", f"## {task}", "", _HEAD, _LINE]
        means = rows.groupby("detector")[list(_COLUMNS)].mean()
        for name, row in means.sort_values("roc_auc", ascending=False).iterrows():
            shown = [form.format(row[key]) for key, form in _COLUMNS.items()]
            lines.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join([*lines, "", *ahead(results)]) + "\n"


def ahead(results: pd.DataFrame) -> list[str]:
    """Return how far oddwire is ahead: detector by detector, and the ensemble of all peers."""
    means = results.pivot_table("roc_auc", index="task", columns="detector", sort=False)
    lines = ["## Ahead by, in ROC AUC", "", f"| | {' | '.join(means.index)} |"]
    lines.append(f"| --- |{' ---: |' * len(means)}")
    pairs = [(f"oddwire {own}", f"PyOD {other}") for own, other in SAME_KIND.items()]
    best = means[[name for name in means if name.startswith("PyOD")]]
    for own, other in [*pairs, ("oddwire ensemble", "")]:
        if own in means:
            gains = means[own] - (means[other] if other else best.max(axis=1))
            label = f"{own} over {other or 'the best of PyOD'}"
            lines.append(f"| {label} | {' | '.join(f'{gain:+.4f}' for gain in gains)} |")
    return lines


_INTRODUCTION = """# Benchmarks

oddwire's detectors against PyOD's with the defaults of both, on the same rows, in one process;
written by `make bench` (`benchmarks/peers.py`), not by hand.
"""
_COLUMNS = {
    "roc_auc": "{:.4f}", "average_precision": "{:.4f}", "fit_seconds": "{:.2f}",
    "rows_per_second": "{:,.0f}", "megabytes": "{:.0f}",
}  # fmt: skip
_HEAD = "| detector | ROC AUC | average precision | fit s | rows/s | peak memory MB |"
_LINE = "| --- | ---: | ---: | ---: | ---: | ---: |"


def main() -> None:
    """Measure all on all tasks, and write the page."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--only", default="", help="tasks whose name begins so")
    options.add_argument("--detectors", default=",".join(DETECTORS))
    options.add_argument("--out", type=Path, default=PAGE)
    chosen = options.parse_args()
    quiet_tools(terminal=True)
    console = Console()
    pairs = [("oddwire", name) for name in chosen.detectors.split(",") if name]
    pairs += [("PyOD", name) for name in PEERS]
    results = []
    for seed in range(1, chosen.seeds + 1):
        for task in tasks(seed):
            if not task.name.startswith(chosen.only):
                continue
            for kind, name in pairs:
                if len(results) < len(pairs):
                    warm_up(kind, name, task)
                result = measure(kind, name, task, seed)
                results.append(result)
                console.print(
                    f"{task.name:<24} {result.detector:<30} seed {seed}  "
                    f"{result.roc_auc:.4f}  {result.average_precision:.4f}"
                )
    if not results:
        raise SystemExit("no public sample is there: name its folder with ODDWIRE_SHARED_DATA")
    text = page(pd.DataFrame(results), chosen.seeds)
    before = chosen.out.read_text(encoding="utf-8") if chosen.out.exists() else ""
    kept = before[before.find(_BY_HAND) :] if _BY_HAND in before else ""
    measured = f"{text}\n{rates_table()}".rstrip("\n")
    chosen.out.write_text(f"{measured}\n" + (f"\n{kept}" if kept else ""), encoding="utf-8")
    console.print(f"written: {chosen.out}")


if __name__ == "__main__":
    main()
