"""What attacks among the training rows cost, and what leaving out the most anomalous rows regains.

    ODDWIRE_SHARED_DATA=... python benchmarks/contamination.py

Attacks drawn from the test rows are added to the training rows without their label. Defaults on
both sides; figures are the mean ROC AUC over the tasks and seeds. Writes
``benchmarks/results/contamination.json`` (``--out``).
"""

from __future__ import annotations

import argparse
import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from peers import ours, peer
from sklearn.metrics import roc_auc_score
from tasks import Task, tasks

from oddwire.cli.environment import quiet_tools
from oddwire.detection.contamination import most_anomalous_rows

RESULTS = Path(__file__).resolve().parent / "results" / "contamination.json"
ATTACKS = (0.0, 0.01, 0.05)  # shares of the training rows
OURS = ("isolation_forest", "autoencoder", "nearest_neighbours", "ensemble")
PEERS = ("IForest", "KNN", "AutoEncoder")


def contaminated(task: Task, share: float, seed: int) -> Task:
    """Move attacks from the test rows to the training rows."""
    wanted = round(share * len(task.train) / (1 - share))
    attacks = np.flatnonzero(task.attack)
    moved = np.random.default_rng(seed).permutation(attacks)[: min(wanted, len(attacks) // 2)]
    stays = np.ones(len(task.test), dtype=bool)
    stays[moved] = False
    train = pd.concat([task.train, task.test.iloc[moved][list(task.train)]], ignore_index=True)
    return replace(task, train=train, test=task.test[stays].reset_index(drop=True))


def results(task: Task, attacks: float, left_out: float, seed: int) -> list[dict[str, object]]:
    """Return a figure per detector; PyOD's are fitted to all rows."""
    given = contaminated(task, attacks, seed)
    odd = most_anomalous_rows(given.train, given.schema, left_out, seed=seed)
    kept = replace(given, train=given.train[~odd].reset_index(drop=True))
    makers = [("oddwire", name, ours) for name in OURS]
    if not left_out:
        makers += [("PyOD", name, peer) for name in PEERS]
    made = []
    for kind, name, make in makers:
        scores = make(name, kept, seed)(kept.test)
        made.append({
            "task": task.name, "attacks": attacks, "left_out": left_out, "seed": seed,
            "detector": f"{kind} {name}",
            "roc_auc": round(float(roc_auc_score(kept.attack, scores)), 4),
        })  # fmt: skip
    return made


def main() -> None:
    """Measure, print the means and keep all figures."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", type=int, nargs="+", default=[1])
    options.add_argument("--left-out", type=float, nargs="+", default=[0.0, 0.05])
    options.add_argument("--only", default="", help="tasks whose name begins so")
    options.add_argument("--out", type=Path, default=RESULTS)
    chosen = options.parse_args()
    quiet_tools(terminal=True)
    jobs = [
        (task, attacks, left_out, seed)
        for seed in chosen.seeds
        for task in tasks(seed)
        if task.name.startswith(chosen.only)
        for attacks, left_out in itertools.product(ATTACKS, chosen.left_out)
    ]
    found: list[dict[str, object]] = []
    for made in Parallel(-1, batch_size=1, return_as="generator")(
        delayed(results)(*job) for job in jobs
    ):
        found += made
        print(f"{len(found)} figures, {made[0]['task']}", flush=True)
    means = pd.DataFrame(found).pivot_table(
        "roc_auc", index=["detector", "left_out"], columns=["attacks"]
    )
    print(means.round(3).to_string())
    chosen.out.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
