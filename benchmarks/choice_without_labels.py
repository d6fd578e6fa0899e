"""What choosing a detector without labels, or by few labelled attacks, loses on later test rows.

    python benchmarks/choice_without_labels.py FOLDER [FOLDER ...]

FOLDER holds scores kept by ``benchmarks/yardstick_scores.py``, a Parquet file per table or
simulated network and seed, trained on benign rows. The regret of a rule is what the best of the
default three detectors finds more on the test rows where 1 % of the benign rows raise an alert, or
of the benign units where there are times and sources. Tables of a kind count together as one.
Attacks among the training rows are the matter of ``benchmarks/without_labels.py``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata, spearmanr
from without_labels import FOUR, THREE, recall_in_units, top_overlap

from oddwire.evaluation import yardstick
from oddwire.evaluation.metrics import ranking_curve, recall_at, roc_auc
from oddwire.evaluation.scored_rows import ScoredRows

FIGURES = ("recall_rows", "recall_rows_5", "recall_units", "roc_auc")
FEW = (1, 2, 5, 10, 20, 50, 200)
DRAWS, MOST_BENIGN = 12, 3000


def worth(test: pd.DataFrame, name: str) -> dict[str, float]:
    """Return what a detector finds on the test rows."""
    attack, scores = (test["label"] == 1).to_numpy(dtype=bool), test[name].to_numpy()
    curve = ranking_curve(attack, scores)
    found = {
        "recall_rows": recall_at(curve, 0.01),
        "recall_rows_5": recall_at(curve, 0.05),
        "roc_auc": roc_auc(curve),
    }
    if {"end", "src_ip"} <= set(test) and len(set(test.loc[~attack, "src_ip"])) > 1:
        found["recall_units"] = recall_in_units(test, attack, scores)
    return found


def agreements(judged: pd.DataFrame) -> dict[str, str]:
    """Return the detector of the three that each rule of agreement takes, on benign rows."""
    names = (*THREE, "ensemble")
    places = {name: (rankdata(judged[name]) - 0.5) / len(judged) for name in names}
    ranks = {name: -np.log(1 - place) for name, place in places.items()}
    consensus = sum(ranks[name] for name in THREE)
    measures = {
        "agreement": lambda name: spearmanr(ranks[name], consensus)[0],
        "agreement, top 5 %": lambda name: top_overlap(ranks[name], consensus),
        "like the ensemble": lambda name: spearmanr(ranks[name], ranks["ensemble"])[0],
        "like the ensemble, top 5 %": lambda name: top_overlap(ranks[name], ranks["ensemble"]),
    }
    return {rule: max(THREE, key=measure) for rule, measure in measures.items()}


def by_few_labels(rows: pd.DataFrame, random: np.random.Generator) -> Iterator[tuple[int, str]]:
    """Yield how many attacks in a row were labelled, and what the yardstick chooses among four."""
    attacks = np.flatnonzero(rows["label"] == 1)
    benign = np.flatnonzero(rows["label"] == 0)[:MOST_BENIGN]
    for count in (each for each in FEW if each <= len(attacks)):
        for _ in range(DRAWS):
            first = random.integers(0, len(attacks) - count + 1)
            taken = np.sort(np.append(benign, attacks[first : first + count]))
            few = rows.iloc[taken].reset_index(drop=True)
            values = {
                name: yardstick.value(ScoredRows.of(few, few[name].to_numpy())) or 0.0
                for name in FOUR
            }
            yield count, max(values, key=lambda name: values[name])


def rules(name: str, rows: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Yield the worth of what each rule takes on one table or network."""
    test = rows[(rows["part"] == "test") & rows["label"].notna()].reset_index(drop=True)
    judged = rows[(rows["part"] == "validation") & rows["label"].notna()].reset_index(drop=True)
    each = {detector: worth(test, detector) for detector in FOUR}
    best = {f"best {k}": max(each[d][k] for d in THREE) for k in each[THREE[0]]}
    worst = {f"worst {k}": min(each[d][k] for d in THREE) for k in each[THREE[0]]}
    kept = {
        "case": name,
        "group": "simulated" if name[0].isdigit() else name.split("-", maxsplit=1)[0],
    }
    taken = [(f"always {detector}", detector) for detector in FOUR]
    taken += agreements(judged[judged["label"] == 0]).items()
    few = by_few_labels(judged, np.random.default_rng(0))
    taken += [(f"by {count} labelled attacks", chosen) for count, chosen in few]
    for rule, detector in taken:
        yield kept | {"rule": rule, "detector": detector} | each[detector] | best | worst


def best_on_average(found: pd.DataFrame, figure: str) -> pd.DataFrame:
    """Return the rows of the detector that was best on the average of the other groups."""
    always = found[found["rule"].isin([f"always {name}" for name in THREE])]
    means = always.pivot_table(figure, "group", "detector")
    if len(means) == 1:
        return always[:0]
    taken = []
    for group in means.index:
        detector = means.drop(index=group).mean().idxmax()
        taken.append(always[(always["group"] == group) & (always["detector"] == detector)])
    return pd.concat(taken).assign(rule="best on average of other tables")


def show(found: pd.DataFrame) -> None:
    """Print regret and how often the worst of the three was taken, means over groups."""
    for figure in (each for each in FIGURES if each in found):
        known = found.dropna(subset=[figure])
        all_rules = pd.concat([known, best_on_average(known, figure)])
        all_rules["regret"] = all_rules[f"best {figure}"] - all_rules[figure]
        low, high = all_rules[f"worst {figure}"], all_rules[f"best {figure}"]
        all_rules["worst"] = (all_rules[figure] <= low) & (low < high)
        table = all_rules.pivot_table("regret", "rule", "group", sort=False)
        worst = all_rules.pivot_table("worst", "rule", "group", sort=False)
        count = table.notna().sum(axis=1)
        error = table.std(axis=1) / count**0.5
        table.insert(0, "regret", table.mean(axis=1))
        table.insert(1, "standard error", error)
        table.insert(2, "worst of three", worst.mean(axis=1))
        print(f"\n{figure}, {known['case'].nunique()} cases\n{table.round(3).to_string()}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    files = [
        file for each in parser.parse_args().folders for file in sorted(each.glob("*.parquet"))
    ]
    found = [row for file in files for row in rules(file.stem, pd.read_parquet(file))]
    show(pd.DataFrame(found))


if __name__ == "__main__":
    main()
