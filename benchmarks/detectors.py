"""Rows per second at 120 columns, of forest and SVM also against scikit-learn's own scoring.

python benchmarks/detectors.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.svm import OneClassSVM

from oddwire.detection.detectors import DETECTORS, anomaly_score, build_detector, default_parameters

COLUMNS, TRAINED, SCORED = 120, 5000, 20_000
RUNS = 10  # a run of 50 ms varies by a third where others share the machine


def rate(score: Callable[[np.ndarray], object], rows: np.ndarray) -> float:
    """Return rows scored per second, the best of some runs."""
    seconds = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        score(rows)
        seconds.append(time.perf_counter() - begin)
    return len(rows) / min(seconds)


def rates_table() -> str:
    """Return a table for Markdown: a line per detector, with its defaults on random rows."""
    rng = np.random.default_rng(0)
    train, rows = (rng.standard_normal((n, COLUMNS)) for n in (TRAINED, SCORED))
    lines = [
        f"## Rows scored per second at {COLUMNS} columns", "",
        f"Fitted to {TRAINED:,} random rows, without preprocessing, best of {RUNS} runs, and how",
        "many times as fast that is as the library's own scoring of the same fitted model. For the",
        "SVM that is libsvm, with which PyOD's OCSVM also scores, once for each of its parts.",
        "",
        "| detector | rows/s | times the library's own |", "| --- | ---: | ---: |",
    ]  # fmt: skip
    for name in DETECTORS:
        chosen = {k: v for k, v in default_parameters(name).items() if k.startswith("detector__")}
        detector = build_detector(name, chosen, random_state=0).fit(train)
        ours = rate(lambda part, detector=detector: anomaly_score(detector, part), rows)
        library = library_scoring(name, detector, train)
        times = "" if library is None else f"{ours / rate(library, rows):.1f}"
        lines.append(f"| {name} | {ours:,.0f} | {times} |")
    return "\n".join(lines) + "\n"


def library_scoring(name: str, detector: Any, train: np.ndarray) -> Callable[..., object] | None:
    """Return how the library behind a detector scores the same fitted model."""
    if name == "isolation_forest":
        return detector.forest_.score_samples
    if name == "one_class_svm":
        parts = detector.parts_ or [detector]
        subspaces = detector.subspaces_ or [slice(None)]
        same = [
            (OneClassSVM(nu=part.nu, gamma=part.kernel_gamma_).fit(train[:, seen]), seen)
            for part, seen in zip(parts, subspaces, strict=True)
        ]
        return lambda rows: [machine.score_samples(rows[:, seen]) for machine, seen in same]
    return None


def main() -> None:
    """Print the table."""
    print(rates_table())


if __name__ == "__main__":
    main()
