"""What a search without labels gains or loses against the default hyperparameters.

    ODDWIRE_SHARED_DATA=... python benchmarks/search_without_labels.py --seeds 1

On the cases of ``without_labels.py`` the forest and the SVM are searched as a training without
labels did until decision 0031: trials valued by synthetic anomalies and the shape of the scores.
The defaults, the trial of the best value and the one that the search's rule takes are fitted to all
rows and measured on the labelled test rows. A line of JSON per search goes to ``--out``, and what
is there already is not measured again; then the gains over the defaults are printed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
from without_labels import Case, cases, unlabelled, worth

from oddwire.detection.detectors import default_parameters
from oddwire.detection.model import Model
from oddwire.operations.search.objective import make_objective
from oddwire.operations.search.plans import StudyPlan
from oddwire.operations.search.studies import run_study

RESULT = Path(__file__).parent / "results" / "search_without_labels.jsonl"
DETECTORS = ("one_class_svm", "isolation_forest")
FIGURES = ("roc_auc", "recall_rows", "recall_rows_5", "recall_units")


def searched(case: Case, detector: str, attacks: float, trials: int, seed: int) -> dict[str, Any]:
    """Search one detector on a case, and measure what it came to."""
    learned, judged, _ = unlabelled(case, attacks, seed)
    objective = make_objective(judged, case.schema, seed=seed)
    plan = StudyPlan("case", detector, trials, 3600, seed, "rows")
    with tempfile.TemporaryDirectory() as folder:
        study = run_study(plan, learned, objective, case.schema, folder=Path(folder))
    done = [trial for trial in study.trials if trial.value is not None]
    best = max(done, key=lambda trial: trial.value or 0.0)
    chosen = {
        "defaults": default_parameters(detector),
        "best": best.parameters,
        "taken": study.parameters,
    }
    found: dict[str, Any] = {"trials": len(done), "choice": study.choice}
    for name, parameters in chosen.items():
        model = Model.build(case.schema, detector, parameters, seed=seed).fit(learned)
        for figure, value in worth(case, model.anomaly_score(case.test)).items():
            found[f"{name}_{figure}"] = value
    first = next((t for t in done if dict(t.parameters) == dict(chosen["defaults"])), None)
    found["criterion_gain"] = None if first is None else (best.value or 0) - (first.value or 0)
    return found


def main() -> None:
    """Measure what is missing, and print the gains."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--only", default="", help="sources whose name begins so")
    parser.add_argument("--detectors", nargs="+", default=DETECTORS)
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    there = [json.loads(line) for line in _lines(options.out)]
    keys = {tuple(row[name] for name in ("name", "seed", "attacks", "detector")) for row in there}
    for seed in options.seeds:
        for case in (each for each in cases(seed) if each.name.startswith(options.only)):
            for attacks in (0.0, 0.05):
                for detector in options.detectors:
                    key = (case.name, seed, attacks, detector)
                    if key in keys:
                        continue
                    begun = time.perf_counter()
                    row = dict(zip(("name", "seed", "attacks", "detector"), key, strict=True))
                    row |= {"group": case.group}
                    row |= searched(case, detector, attacks, options.trials, seed)
                    with options.out.open("a", encoding="utf-8") as lines:
                        lines.write(json.dumps(row) + "\n")
                    print(*key, f"{time.perf_counter() - begun:.0f} s", flush=True)
    show(pd.DataFrame([json.loads(line) for line in _lines(options.out)]))


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


def show(rows: pd.DataFrame) -> None:
    """Print what each figure gains over the defaults: means with standard errors."""
    gains = rows[["name", "group", "detector", "attacks", "seed", "criterion_gain"]].copy()
    for way in ("best", "taken"):
        for figure in FIGURES:
            gains[f"{way}_{figure}"] = rows[f"{way}_{figure}"] - rows[f"defaults_{figure}"]
    kept = [name for name in gains if name.startswith(("best_", "taken_", "criterion"))]
    print(gains.groupby(["detector", "name"])[kept].mean().round(3).T.to_string())
    for detector, mine in gains.groupby("detector"):
        per_source = mine.groupby("name")[kept].mean()
        table = pd.DataFrame({
            "mean": per_source.mean(),
            "standard error": per_source.std() / per_source.count() ** 0.5,
            "lost": (mine[kept] < 0).sum(),
            "gained": (mine[kept] > 0).sum(),
        })  # fmt: skip
        print(f"\n{detector}, {len(mine)} searches\n{table.round(3).to_string()}")


if __name__ == "__main__":
    main()
