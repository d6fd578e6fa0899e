"""Which detector to take where nothing is labelled, and by which rule.

    ODDWIRE_SHARED_DATA=... python benchmarks/without_labels.py --seeds 1 2 3

On every source the rows before the test, with or without 5 % of attacks among them, are taken for
unlabelled: a training leaves its usual share of the most anomalous ones out and fits the detectors
with their defaults. The rules see three quarters of these rows to fit to and the others to judge
by; the labelled test rows say what each detector is worth: ROC AUC, and the recall where 1 % of the
benign rows, or of the benign units, raise an alert. A line of JSON per detector goes to ``--out``,
and what is there already is not measured again; ``--table`` prints what is there. Of NSL-KDD only
the train file is read.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata, spearmanr
from tasks import NSL_FILES, TIMES_TO_LIVE, cicids, shared_data, unsw

from oddwire.detection.contamination import most_anomalous_rows
from oddwire.detection.model import Model
from oddwire.evaluation.metrics import ranking_curve, recall_at, roc_auc
from oddwire.params import NslKddSource, SimulatedSource, SourceSettings
from oddwire.params.log_sources import ZeekSource
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES, connection_features
from oddwire.traffic.schema import END, LABEL, FeatureSchema
from oddwire.traffic.sources import read_source
from oddwire.traffic.sources.simulated.simulator import simulate
from oddwire.traffic.units import units_of

RESULT = Path(__file__).parent / "results" / "without_labels.jsonl"
THREE = ("isolation_forest", "one_class_svm", "autoencoder")
FOUR = (*THREE, "ensemble")
LEFT_OUT = 0.05  # what `training.contamination` leaves out
MOST_BEFORE, MOST_TEST = 6000, 8000
RATE = 0.01
TOP = 0.05
FIGURES = ("recall_rows", "recall_units", "roc_auc")
MEASURED = (
    "agreement", "agreement_top", "like_ensemble", "like_ensemble_top", "stability",
    "stability_top",
)  # fmt: skip
# In results of before decision 0031, which removed them.
REMOVED = ("synthetic_and_shape", "synthetic", "compactness")


@dataclass(frozen=True)
class Case:
    """Rows whose labels are not looked at, and labelled rows to evaluate on."""

    group: str
    name: str
    schema: FeatureSchema
    before: pd.DataFrame
    test: pd.DataFrame


def cases(seed: int) -> Iterator[Case]:
    """Yield every source whose file is there."""
    root = shared_data()
    files: dict[str, tuple[str, SourceSettings]] = {
        "unsw-nb15, TTL dropped": ("unsw-nb15", unsw(TIMES_TO_LIVE)),
        "unsw-nb15, TTL kept": ("unsw-nb15", unsw(())),
        "cicids2017": ("cicids2017", cicids()),
        "nsl-kdd, train file": ("nsl-kdd", NslKddSource(format="nsl-kdd", train=NSL_FILES[0])),
    }
    for name, (group, source) in files.items():
        if (root / source.train).is_file():
            rows = read_source(source, root=root)
            yield halved(group, name, rows.train, rows.schema, seed)
    if (root / "zeek/conn.log.labeled").is_file():
        log = ZeekSource(format="zeek", files="zeek/conn.log.labeled")
        rows = connection_features(read_source(log, root=root).train)
        yield in_time("zeek", "zeek, labelled head", rows, 0.6)
    made = SimulatedSource(format="simulated", days=14, connections_per_day=1000, seed=200 + seed)
    yield in_time("simulated", "simulated", connection_features(simulate(made)), 0.75)


def halved(group: str, name: str, rows: pd.DataFrame, schema: FeatureSchema, seed: int) -> Case:
    """Split each label at random."""
    random = np.random.default_rng(seed)
    before = np.zeros(len(rows), dtype=bool)
    for label in (0, 1):
        places = random.permutation(np.flatnonzero(rows[LABEL] == label))
        before[places[: len(places) // 2]] = True
    parts = (rows[before].reset_index(drop=True), rows[~before].reset_index(drop=True))
    return Case(group, name, schema, parts[0], limited(parts[1], MOST_TEST, random))


def in_time(group: str, name: str, rows: pd.DataFrame, share: float) -> Case:
    """Split rows in the order in which they became known."""
    cut = int(share * len(rows))
    before, test = (part.reset_index(drop=True) for part in (rows[:cut], rows[cut:]))
    return Case(group, name, CONNECTION_FEATURES, before, test)


def limited(rows: pd.DataFrame, most: int, random: np.random.Generator) -> pd.DataFrame:
    """Draw rows where there are too many, in their order."""
    if len(rows) <= most:
        return rows
    chosen = np.sort(random.permutation(len(rows))[:most])
    return rows.iloc[chosen].reset_index(drop=True)


def unlabelled(case: Case, attacks: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rows to fit to and rows to judge by, that share of both attacks, no label in them."""
    random = np.random.default_rng(1000 + seed)
    benign = np.flatnonzero(case.before[LABEL] == 0)
    odd = random.permutation(np.flatnonzero(case.before[LABEL] == 1))
    hidden = round(attacks / (1 - attacks) * len(benign))
    chosen = np.append(benign, odd[:hidden])
    chosen = random.permutation(chosen)[:MOST_BEFORE]
    rows = case.before.iloc[chosen].drop(columns=[LABEL, "attack"], errors="ignore")
    cut = len(rows) * 3 // 4
    learned, judged = rows[:cut].reset_index(drop=True), rows[cut:].reset_index(drop=True)
    left = most_anomalous_rows(learned, case.schema, LEFT_OUT, seed=seed)
    return learned[~left].reset_index(drop=True), judged


def worth(case: Case, scores: np.ndarray) -> dict[str, float]:
    """Return the labelled figures of the test rows."""
    known = case.test[LABEL].notna().to_numpy()
    test, scores = case.test[known].reset_index(drop=True), scores[known]
    attack = test[LABEL].to_numpy(dtype=bool)
    curve = ranking_curve(attack, scores)
    found = {"roc_auc": roc_auc(curve), "recall_rows": recall_at(curve, RATE)}
    found["recall_rows_5"] = recall_at(curve, 5 * RATE)
    if END in test and case.group != "zeek":  # of the one infected host of which the log is
        found["recall_units"] = recall_in_units(test, attack, scores)
    return found


def recall_in_units(test: pd.DataFrame, attack: np.ndarray, scores: np.ndarray) -> float:
    """Return the share of attacks found where 1 % of the benign units raise an alert."""
    codes = units_of(test[~attack].reset_index(drop=True)).codes
    worst = np.sort(pd.Series(scores[~attack]).groupby(codes).max().to_numpy())
    limit = worst[len(worst) - 1 - int(RATE * len(worst))]
    return float(np.mean(scores[attack] > limit))


def top_overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the share of the most anomalous rows of one that are such of the other."""
    count = max(1, int(TOP * len(one)))
    tops = (set(np.argsort(-each, kind="stable")[:count].tolist()) for each in (one, other))
    return len(set.intersection(*tops)) / count


def criteria(case: Case, attacks: float, seed: int) -> Iterator[dict[str, Any]]:
    """Yield each detector's criteria and worth."""
    learned, judged = unlabelled(case, attacks, seed)
    random = np.random.default_rng(2000 + seed)
    drawn = [learned.iloc[random.integers(len(learned), size=len(learned))] for _ in range(2)]
    made: dict[str, dict[str, Any]] = {}
    on_judged: dict[str, np.ndarray] = {}
    for name in FOUR:
        begun = time.perf_counter()
        model = Model.build(case.schema, name, seed=seed).fit(learned)
        seconds = time.perf_counter() - begun
        on_judged[name] = model.anomaly_score(judged)
        row: dict[str, Any] = {
            "detector": name, "fit_seconds": seconds,
            **worth(case, model.anomaly_score(case.test)),
        }  # fmt: skip
        if name in THREE:
            twice = [
                Model.build(case.schema, name, seed=seed).fit(rows).anomaly_score(judged)
                for rows in drawn
            ]
            row["stability"] = float(spearmanr(*twice)[0])
            row["stability_top"] = top_overlap(*twice)
        made[name] = row
    ranks = {
        name: -np.log(1 - (rankdata(each) - 0.5) / len(each)) for name, each in on_judged.items()
    }
    consensus = sum(ranks[name] for name in THREE) / len(THREE)
    for name, row in made.items():
        row["agreement"] = float(spearmanr(on_judged[name], consensus)[0])
        row["agreement_top"] = top_overlap(on_judged[name], consensus)
        if name != "ensemble":
            row["like_ensemble"] = float(spearmanr(on_judged[name], on_judged["ensemble"])[0])
            row["like_ensemble_top"] = top_overlap(on_judged[name], on_judged["ensemble"])
        yield row


def show(rows: pd.DataFrame) -> None:
    """Print each rule's regret against the best of the default three, and how often it is worst."""
    rows["case"] = [
        f"{n}, {a:.0%}, {s}" for n, a, s in rows[["name", "attacks", "seed"]].to_numpy()
    ]
    criteria = [name for name in (*REMOVED, *MEASURED) if name in rows]
    for figure in (each for each in FIGURES if each in rows):
        worth = rows.pivot_table(figure, "case", "detector").dropna()
        chosen = {f"always {name}": pd.Series(name, worth.index) for name in FOUR}
        for criterion in criteria:
            values = rows.pivot_table(criterion, "case", "detector").reindex(columns=THREE).dropna()
            chosen[criterion] = values.loc[values.index.isin(worth.index)].idxmax(axis=1)
        groups = rows.drop_duplicates("case").set_index("case")["group"]
        print(f"\n| {figure} | cases | regret | standard error | groups alike | worst of three |")
        print("| --- | ---: | ---: | ---: | ---: | ---: |")
        for rule, names in ((rule, each) for rule, each in chosen.items() if len(each)):
            print(_line(rule, worth.loc[names.index], names, groups))


def _line(rule: str, worth: pd.DataFrame, names: pd.Series[str], groups: pd.Series[str]) -> str:
    mine = pd.Series([worth.loc[case, name] for case, name in names.items()], names.index)
    three = worth[list(THREE)]
    regret = three.max(axis=1) - mine
    worst = (mine <= three.min(axis=1)) & (mine < three.max(axis=1))
    alike = regret.groupby(groups).mean()
    error = alike.std() / len(alike) ** 0.5
    return (
        f"| {rule} | {len(regret)} | {regret.mean():.3f} | {error:.3f} | {alike.mean():.3f} "
        f"| {worst.mean():.2f} |"
    )


def main() -> None:
    """Measure what is missing, and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--only", default="", help="sources whose name begins so")
    parser.add_argument("--table", action="store_true", help="measure nothing, print what is there")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if not options.table:
        measure(options.seeds, options.only, options.out)
    show(pd.read_json(options.out, lines=True))


def measure(seeds: list[int], only: str, out: Path) -> None:
    """Append what is not measured yet."""
    there = set()
    if out.is_file():
        there = {
            (row["name"], row["seed"], row["attacks"])
            for row in map(json.loads, out.read_text(encoding="utf-8").splitlines())
        }
    for seed in seeds:
        for attacks in (0.05, 0.0):
            for case in cases(seed):
                if not case.name.startswith(only) or (case.name, seed, attacks) in there:
                    continue
                begun = time.perf_counter()
                rows = list(criteria(case, attacks, seed))
                with out.open("a", encoding="utf-8") as lines:
                    for row in rows:
                        key = {"group": case.group, "name": case.name, "seed": seed}
                        line = {**key, "attacks": attacks, **row}
                        lines.write(json.dumps(line) + "\n")
                print(
                    f"{case.name}, seed {seed}, {attacks:.0%}: {time.perf_counter() - begun:.0f} s",
                    flush=True,
                )


if __name__ == "__main__":
    main()
