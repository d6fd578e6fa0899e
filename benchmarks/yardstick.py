"""By which figure to promote: what a promotion by it is worth on other families and other rows.

python benchmarks/yardstick.py

Every detector is fitted with its defaults to each task of decision 0010. In each draw, half of the
attack families and of the benign rows decide, for every ordered pair of detectors, whether the one
would replace the other: by average precision or by the yardstick, where the lower end of the
paired 95 % interval is above zero. The other half says what that was worth: the gain in the mean
over its families of the recall at an FPR of 1 %, and of the ROC AUC. Likewise for the choice among
the default three detectors and among all, by the higher figure.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from itertools import permutations
from statistics import fmean

import numpy as np
import pandas as pd
from tasks import Task, tasks

from oddwire.detection.detectors import DETECTORS
from oddwire.detection.model import Model
from oddwire.evaluation import yardstick
from oddwire.evaluation.families import BENIGN, kinds_of_attack
from oddwire.evaluation.metrics import average_precision, ranking_curve, recall_at, roc_auc
from oddwire.evaluation.uncertainty.comparing import paired_rankings

DEFAULT_THREE = ("isolation_forest", "one_class_svm", "autoencoder")
RESAMPLES = 50
MOST_ROWS = 8000
Scores = dict[str, np.ndarray]


def scored(task: Task, seed: int) -> tuple[np.ndarray, Scores]:
    """Return the kinds of at most 8,000 test rows, and each detector's scores of them."""
    rows = task.test.sample(min(len(task.test), MOST_ROWS), random_state=seed)
    attack = rows.get("attack")
    known, kinds = kinds_of_attack(rows["label"], attack, len(rows))
    scores = {
        name: Model.build(task.schema, name, seed=seed).fit(task.train).anomaly_score(rows)[known]
        for name in DETECTORS
    }
    return kinds, scores


def halves(kinds: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that decide and the rows that evaluate: other families, other rows."""
    families = rng.permutation(int(kinds.max()) + 1)
    deciding = np.isin(kinds, families[: len(families) // 2])
    benign = rng.permutation(np.flatnonzero(kinds == BENIGN))
    deciding[benign[: len(benign) // 2]] = True
    return np.flatnonzero(deciding), np.flatnonzero(~deciding)


def over_families(kinds: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Return the mean recall at an FPR of 1 % and the mean ROC AUC over families."""
    curves = [
        ranking_curve(kinds[rows] == kind, scores[rows])
        for kind in np.unique(kinds[kinds != BENIGN])
        for rows in [(kinds == BENIGN) | (kinds == kind)]
    ]
    return {
        "recall at 1 %": fmean(recall_at(curve, 0.01) for curve in curves),
        "ROC AUC": fmean(roc_auc(curve) for curve in curves),
    }


def lower_ends(kinds: np.ndarray, ahead: np.ndarray, behind: np.ndarray) -> dict[str, float]:
    """Return the lower end of the paired interval of the difference, by each figure."""
    labels = kinds != BENIGN
    families = kinds.astype(str)
    (by_precision,) = paired_rankings(
        labels, ahead, behind, metrics=("average_precision",), resamples=RESAMPLES
    )
    ours = yardstick.paired_difference(labels, ahead, behind, families, resamples=RESAMPLES)
    return {"average precision": by_precision.low, yardstick.HEAD: ours.low}


CHOICES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "average precision": lambda kinds, s: average_precision(ranking_curve(kinds != BENIGN, s)),
    yardstick.HEAD: lambda kinds, s: yardstick.value(kinds != BENIGN, s, kinds.astype(str)) or 0.0,
}


def outcomes(task: Task, draws: int, seed: int) -> Iterator[dict[str, object]]:
    """Yield a row per draw, decision and figure that decided."""
    kinds, scores = scored(task, seed)
    if kinds.max() < 1:  # one family cannot be halved
        return
    for draw in range(draws):
        mine, others = halves(kinds, np.random.default_rng(draw))
        worth = {name: over_families(kinds[others], each[others]) for name, each in scores.items()}
        for ahead, behind in permutations(scores, 2):
            gain = {name: worth[ahead][name] - worth[behind][name] for name in worth[ahead]}
            ends = lower_ends(kinds[mine], scores[ahead][mine], scores[behind][mine])
            for figure, end in ends.items():
                if end > 0:
                    yield {"task": task.name, "decision": "promotions", "by": figure, **gain}
        for names, words in ((DEFAULT_THREE, "best of three"), (tuple(scores), "best of all")):
            for figure, measure in CHOICES.items():
                best = max(names, key=lambda name: measure(kinds[mine], scores[name][mine]))
                yield {"task": task.name, "decision": words, "by": figure, **worth[best]}


def main() -> None:
    """Print the means, and how many promotions cost recall."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--draws", type=int, default=6)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    rows: list[dict[str, object]] = []
    for task in tasks(chosen.seed):
        rows += outcomes(task, chosen.draws, chosen.seed)
        print(f"{task.name}: {len(rows)} rows so far", flush=True)
    found = pd.DataFrame(rows)
    found["costs recall"] = (found["recall at 1 %"] < -0.02) & (found["decision"] == "promotions")
    kept = ["recall at 1 %", "ROC AUC", "costs recall"]
    for grouping in (["decision", "by"], ["task", "decision", "by"]):
        groups = found.groupby(grouping)[kept]
        print(groups.mean().assign(count=groups.size()).round(4).to_string())


if __name__ == "__main__":
    main()
