"""Rows per second at 120 columns, of forest and SVM also against scikit-learn's own scoring.

python benchmarks/detectors.py
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from sklearn.svm import OneClassSVM

from oddwire.detection.detectors import DETECTORS, anomaly_score, build_detector, default_parameters

COLUMNS, TRAINED, SCORED = 120, 5000, 20_000


def rate(score: Callable[[np.ndarray], object], rows: np.ndarray) -> float:
    """Return rows scored per second, the best of three."""
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        score(rows)
        seconds.append(time.perf_counter() - begin)
    return len(rows) / min(seconds)


def main() -> None:
    """Print a line per detector."""
    rng = np.random.default_rng(0)
    train, rows = (rng.standard_normal((n, COLUMNS)) for n in (TRAINED, SCORED))
    for name in DETECTORS:
        chosen = {k: v for k, v in default_parameters(name).items() if k.startswith("detector__")}
        detector = build_detector(name, chosen, random_state=0).fit(train)
        ours = rate(lambda part, one=detector: anomaly_score(one, part), rows)
        print(f"{name:<18} {ours:>12,.0f} rows/s")
        if name == "isolation_forest":
            theirs = rate(detector.forest_.score_samples, rows)
            print(f"{'  against sklearn':<18} {ours / theirs:>11.1f} times")
        if name == "one_class_svm":
            libsvm = OneClassSVM(nu=detector.nu, gamma=detector.kernel_gamma_).fit(train)
            theirs = rate(libsvm.score_samples, rows)
            print(f"{'  against libsvm':<18} {ours / theirs:>11.1f} times")


if __name__ == "__main__":
    main()
