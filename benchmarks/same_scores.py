"""Whether two commits score alike to the last bit: a digest of each detector's anomaly scores.

Every detector is fitted to the training part of each prepared folder with its default
hyperparameters and fixed seeds. Run it with both commits' code on the same folders, and compare::

    PYTHONPATH=OLD/src python benchmarks/same_scores.py data/prepared/* --json > old.json
    PYTHONPATH=NEW/src python benchmarks/same_scores.py data/prepared/* --json > new.json
    diff old.json new.json

The folders need not be prepared again in between: scores are compared here, not features.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd

from oddwire.detection.model import Model
from oddwire.traffic.schema import FeatureSchema

DETECTORS = ("isolation_forest", "one_class_svm", "autoencoder")


def digest(folder: Path, detector: str, seed: int) -> str:
    """Return the SHA-256 of a new model's scores (float64) of a prepared folder's test part."""
    content = json.loads((folder / "split.json").read_text(encoding="utf-8"))
    train, test = (pd.read_parquet(folder / f"{part}.parquet") for part in ("train", "test"))
    model = Model.build(FeatureSchema.from_dict(content["schema"]), detector, seed=seed).fit(train)
    scores = np.ascontiguousarray(model.anomaly_score(test), dtype=np.float64)
    return hashlib.sha256(scores.tobytes()).hexdigest()


def main() -> None:
    """Print a line for each source, detector and seed, or all of them as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, help="prepared sources")
    parser.add_argument("--detectors", nargs="+", default=[*DETECTORS, "ensemble"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 7])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    digests = {}
    for folder in chosen.folders:
        for detector in chosen.detectors:
            for seed in chosen.seeds:
                name = f"{folder.name} {detector} seed {seed}"
                digests[name] = digest(folder, detector, seed)
                if not chosen.json:
                    print(f"{name}: {digests[name]}", flush=True)
    if chosen.json:
        print(json.dumps(digests, indent=2))


if __name__ == "__main__":
    main()
