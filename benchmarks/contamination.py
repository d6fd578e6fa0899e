"""What attacks among the training rows cost, and what leaving out the oddest rows wins back.

    ODDWIRE_SHARED_DATA=... python benchmarks/contamination.py --seeds 1 2

Attacks drawn from the test rows stand among the training rows, unknown to everybody. Defaults on
both sides; figures are the mean ROC AUC over the tasks and seeds. Writes
``benchmarks/results/contamination.json``.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from peers import ours, peer
from rich.console import Console
from sklearn.metrics import roc_auc_score
from tasks import Task, tasks

from oddwire.cli.environment import quiet_tools
from oddwire.detection.trimming import oddest_rows

RESULTS = Path(__file__).resolve().parent / "results" / "contamination.json"
ATTACKS = (0.0, 0.01, 0.05)  # shares of the training rows
LEFT_OUT = (0.0, 0.05, 0.1)
OURS = ("isolation_forest", "one_class_svm", "autoencoder", "nearest_neighbours", "ensemble")
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


def results(seed: int) -> Iterator[dict[str, object]]:
    """Yield a figure per task, share of attacks, share left out, and detector."""
    for task, attacks in itertools.product(tasks(seed), ATTACKS):
        given = contaminated(task, attacks, seed)
        for left_out in LEFT_OUT:
            odd = oddest_rows(given.train, given.schema, left_out, seed=seed)
            kept = replace(given, train=given.train[~odd].reset_index(drop=True))
            makers = [("oddwire", name, ours) for name in OURS]
            if not left_out:
                makers += [("PyOD", name, peer) for name in PEERS]
            for kind, name, make in makers:
                scores = make(name, kept, seed)(kept.test)
                yield {
                    "task": task.name, "attacks": attacks, "left_out": left_out, "seed": seed,
                    "detector": f"{kind} {name}",
                    "roc_auc": round(float(roc_auc_score(kept.attack, scores)), 4),
                }  # fmt: skip


def main() -> None:
    """Measure, print the means and keep all figures."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    chosen = options.parse_args()
    quiet_tools(terminal=True)
    console = Console(width=120)
    found = []
    for seed in chosen.seeds:
        for one in results(seed):
            found.append(one)
            console.print(" ".join(map(str, one.values())), style="dim")
    means = pd.DataFrame(found).pivot_table(
        "roc_auc", index=["detector", "left_out"], columns=["attacks"]
    )
    console.print(means.round(3).to_string())
    RESULTS.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
