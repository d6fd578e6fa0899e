"""What feature selection gains: searches with it and without, evaluated on test rows.

    ODDWIRE_SHARED_DATA=... python benchmarks/feature_selection.py --seeds 1 2 --trials 8

Each task's test rows are split, family by family, into validation and test, and half of the
families are taken out of validation. ``same rows`` ranks the columns by the validation rows that
also evaluate the trials; ``mutual_information`` and ``permutation`` rank on one half of them and
evaluate on the other, as a training does; ``half of the rows`` only evaluates on that half. Prints
tables for Markdown: means over the seeds on the test rows, and the share of the columns that the
chosen trial kept.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from tasks import Task, tasks

from oddwire.cli.environment import quiet_tools
from oddwire.detection.model import Model
from oddwire.evaluation.metrics import ranking_curve, recall_at, roc_auc
from oddwire.operations.search.column_selection import (
    MUTUAL_INFORMATION,
    NONE,
    PERMUTATION,
    rank_columns,
    split_validation,
)
from oddwire.operations.search.objective import make_objective
from oddwire.operations.search.plans import StudyPlan
from oddwire.operations.search.studies import run_study
from oddwire.traffic.schema import ATTACK, LABEL

DETECTORS = ("isolation_forest", "one_class_svm")
HALF, SAME_ROWS = "none, half of the rows", "mutual_information, same rows"
WAYS = (NONE, HALF, MUTUAL_INFORMATION, PERMUTATION, SAME_ROWS)
TRAINED, VALIDATED, TESTED = 3000, 3000, 10_000  # rows at most


def split(task: Task, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return training, validation and test rows; half of the attack families are in test alone."""
    before, test = split_validation(task.test, seed=seed)
    families = (
        before.loc[before[LABEL] == 1, ATTACK].drop_duplicates().sample(frac=1, random_state=seed)
    )
    validation = before[~before[ATTACK].isin(families[: len(families) // 2])]
    train, validation, test = (
        rows.sample(min(most, len(rows)), random_state=seed).reset_index(drop=True)
        for rows, most in ((task.train, TRAINED), (validation, VALIDATED), (test, TESTED))
    )
    return train, validation, test


def figures(test: pd.DataFrame, scores: np.ndarray, known: pd.Series) -> dict[str, float]:
    """Return figures on test attacks of families that validation held, and of those it did not."""
    attack = test[LABEL].to_numpy(dtype=bool)
    seen = test[ATTACK].isin(known).to_numpy()
    found = {}
    for name, chosen in (("seen", attack & seen), ("unseen", attack & ~seen)):
        rows = chosen | ~attack
        curve = ranking_curve(attack[rows], scores[rows])
        found[f"ROC AUC, {name} families"] = roc_auc(curve)
        found[f"recall at 1 % FPR, {name} families"] = recall_at(curve, 0.01)
    return found


def measure(task: Task, detector: str, way: str, trials: int, seed: int) -> dict[str, object]:
    """Search, fit the chosen hyperparameters, and evaluate them on the test rows."""
    train, validation, test = split(task, seed)
    ranking_rows = evaluation_rows = validation
    if way in (HALF, MUTUAL_INFORMATION, PERMUTATION):
        ranking_rows, evaluation_rows = split_validation(validation, seed=seed)
    ranking = ()
    if way not in (NONE, HALF):
        method = PERMUTATION if way == PERMUTATION else MUTUAL_INFORMATION
        ranking = tuple(rank_columns(ranking_rows, task.schema, method=method, seed=seed))
    objective = make_objective(evaluation_rows, task.schema)
    plan = StudyPlan("bench", detector, trials, 600, seed, "bench", ranking)
    with tempfile.TemporaryDirectory() as folder:
        study = run_study(plan, train, objective, task.schema, folder=Path(folder))
    model = Model.build(task.schema, detector, study.parameters, seed=seed).fit(train)
    known = validation.loc[validation[LABEL] == 1, ATTACK]
    columns = task.schema.columns
    kept = study.parameters.get("preprocessing__columns", columns)
    return {
        "task": task.name, "detector": detector, "selection": way, "seed": seed,
        **figures(test, model.anomaly_score(test), known),
        "columns kept": len(kept) / len(columns),
    }  # fmt: skip


def show(found: pd.DataFrame, figure: str) -> None:
    """Print the means of a figure, a row per detector and way to select."""
    table = found.pivot_table(figure, ["detector", "selection"], "task", sort=False)
    table["mean"] = table.mean(axis=1)
    print(f"\n| {figure} | selection | {' | '.join(table)} |\n|{' --- |' * (table.shape[1] + 2)}")
    for (detector, way), values in table.iterrows():
        print(f"| {detector} | {way} | {' | '.join(f'{value:.4f}' for value in values)} |")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    options.add_argument("--trials", type=int, default=8)
    options.add_argument("--only", default="", help="tasks whose name begins so")
    options.add_argument("--detectors", nargs="+", default=DETECTORS)
    chosen = options.parse_args()
    warnings.simplefilter("ignore")
    quiet_tools(terminal=True)
    found = []
    for seed in chosen.seeds:
        for task in tasks(seed):
            if not task.name.startswith(chosen.only):
                continue
            for detector in chosen.detectors:
                for way in WAYS:
                    begun = time.perf_counter()
                    found.append(measure(task, detector, way, chosen.trials, seed))
                    seconds = time.perf_counter() - begun
                    print(*found[-1].values(), f"{seconds:.0f} s", flush=True)
    table = pd.DataFrame(found)
    for figure in table.columns[4:]:
        show(table, figure)


if __name__ == "__main__":
    main()
