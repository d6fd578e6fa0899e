"""Which criterion without labels ranks detectors as labels do.

    ODDWIRE_SHARED_DATA=... python benchmarks/label_free.py --seeds 0 1

On every source, a range of detectors and hyperparameters is fitted to half of the benign rows. The
criteria see benign rows held out of that half; average precision and ROC AUC are those of the other
half and all attacks. Writes Spearman's rank correlation over the models. Of NSL-KDD only the train
file is read. ``--only simulated --models 4`` is a short run; ``--out`` says where the results go.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from tasks import NSL_FILES, TIMES_TO_LIVE, Task, cicids, shared_data, unsw

from oddwire.detection.detectors import DETECTORS, search_space
from oddwire.detection.model import Model
from oddwire.detection.search_space import Choice, HyperParameters, IntRange, SearchSpace, When
from oddwire.errors import OddwireError
from oddwire.evaluation.metrics import average_precision, ranking_curve, roc_auc
from oddwire.operations.search.objective import make_objective
from oddwire.params import NslKddSource, SimulatedSource, SourceSettings
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES, connection_features
from oddwire.traffic.schema import LABEL, FeatureSchema
from oddwire.traffic.sources import read_source
from oddwire.traffic.sources.simulated.simulator import simulate

RESULT = Path(__file__).parent / "results" / "label_free.json"
MODELS, LEARNED, HELD_OUT, TESTED = 16, 3000, 1500, 6000
LEFT_OUT = ("ensemble",)  # its members are the others
SLOW, FEW = "autoencoder", 3
CRITERIA = ("synthetic_anomalies", "compactness", "synthetic_anomalies_and_shape")
LABELLED = ("average_precision", "roc_auc")


def sources(seed: int) -> Iterator[Task]:
    """Yield every source whose file is there, half of its benign rows for training."""
    root = shared_data()
    nsl = NslKddSource(format="nsl-kdd", train=Path(NSL_FILES[0]))
    files: dict[str, SourceSettings] = {
        "nsl-kdd, train file": nsl,
        "unsw-nb15, TTL dropped": unsw(TIMES_TO_LIVE),
        "unsw-nb15, TTL kept": unsw(()),
        "cicids2017": cicids(),
    }
    for name, source in files.items():
        if (root / source.train).is_file():
            rows = read_source(source, root=root)
            yield halved(name, rows.train, rows.schema, seed)
    made = connection_features(simulate(SimulatedSource(format="simulated", days=3, seed=seed)))
    yield halved("simulated", made, CONNECTION_FEATURES, seed)


def halved(name: str, rows: pd.DataFrame, schema: FeatureSchema, seed: int) -> Task:
    """Split the benign rows; attacks are test rows alone."""
    random = np.random.default_rng(seed)
    benign = random.permutation(np.flatnonzero((rows[LABEL] == 0).to_numpy(dtype=bool)))
    rest = np.append(benign[len(benign) // 2 :], np.flatnonzero(rows[LABEL] == 1))
    learned = benign[: min(len(benign) // 2, LEARNED + HELD_OUT)]
    tested = random.permutation(rest)[:TESTED]
    return Task(name, schema, *(rows.iloc[at].reset_index(drop=True) for at in (learned, tested)))


def settings(seed: int, models: int) -> Iterator[tuple[str, HyperParameters]]:
    """Yield detectors with hyperparameters drawn from their search spaces."""
    random = np.random.default_rng(seed)
    names = [name for name in DETECTORS if name not in LEFT_OUT]
    others = len(names) - (SLOW in names)
    for name in names:
        count = min(FEW, models // 4) if name == SLOW else max(1, round((models - FEW) / others))
        for _ in range(count):
            yield name, drawn(search_space(name), random)


def drawn(space: SearchSpace, random: np.random.Generator) -> HyperParameters:
    """Draw a point of a search space."""
    chosen: dict[str, Any] = {}
    for name, searched in space.items():
        dimension = searched.then if isinstance(searched, When) else searched
        if isinstance(searched, When) and not searched.holds(chosen):
            if searched.otherwise is not None:
                chosen[name] = searched.otherwise
            continue
        if isinstance(dimension, Choice):
            chosen[name] = dimension.values[random.integers(len(dimension.values))]  # noqa: PD011
            continue
        ends = np.array([dimension.low, dimension.high], dtype=float)
        value = np.exp(random.uniform(*np.log(ends))) if dimension.log else random.uniform(*ends)
        chosen[name] = round(value) if isinstance(dimension, IntRange) else float(value)
    return chosen


def figures(task: Task, name: str, params: HyperParameters, seed: int) -> dict[str, float]:
    """Fit one model, and take its criteria and labelled figures."""
    cut = len(task.train) * LEARNED // (LEARNED + HELD_OUT)
    learned, held_out = task.train.iloc[:cut], task.train.iloc[cut:].reset_index(drop=True)
    objective = make_objective(held_out, task.schema, seed=seed)
    model = Model.build(task.schema, name, params, seed=seed).fit(learned)
    *kinds, shape = objective.evaluate(model.anomaly_score(objective.rows), name, params, learned)
    curve = ranking_curve(task.attack, model.anomaly_score(task.test))
    return {
        "synthetic_anomalies": float(np.mean(kinds)),
        "compactness": shape,
        "synthetic_anomalies_and_shape": float(np.mean([*kinds, shape])),
        "average_precision": average_precision(curve),
        "roc_auc": roc_auc(curve),
    }


def correlations(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the rank correlation of every criterion with every labelled figure."""
    return {
        name: {label: float(spearmanr(table[name], table[label])[0]) for label in LABELLED}
        for name in CRITERIA
    }


def main() -> None:
    """Write the correlations, and print them as a table for Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--models", type=int, default=MODELS, help="per source, about")
    parser.add_argument("--only", default="", help="sources whose name begins so")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found: dict[str, list[dict[str, dict[str, float]]]] = {}
    models: list[dict[str, Any]] = []
    left_out: list[str] = []
    for seed in options.seeds:
        for task in sources(seed):
            if not task.name.startswith(options.only):
                continue
            rows = []
            for name, params in settings(seed, options.models):
                try:
                    rows.append(figures(task, name, params, seed))
                except (OddwireError, ValueError, RuntimeError) as error:
                    left_out.append(f"{task.name}, {name}, {params}: {error!r}"[:300])
                    continue
                models.append({"source": task.name, "detector": name, "seed": seed, **rows[-1]})
            found.setdefault(task.name, []).append(correlations(pd.DataFrame(rows)))
            print(f"{task.name}, seed {seed}: {len(rows)} models", flush=True)
    mean = {
        source: {
            name: {label: float(np.mean([run[name][label] for run in runs])) for label in LABELLED}
            for name in CRITERIA
        }
        for source, runs in found.items()
    }
    content = {"spearman": mean, "models": models, "left_out": left_out}
    options.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    show(mean)
    print(f"{len(left_out)} settings failed, see {options.out.name}")


def show(mean: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print the correlations with average precision, a row per criterion."""
    for label in LABELLED:
        print(f"\n| {label} | {' | '.join(mean)} | mean |\n|{' --- |' * (len(mean) + 2)}")
        for name in CRITERIA:
            values = [mean[source][name][label] for source in mean]
            print(
                f"| {name} | " + " | ".join(f"{v:.2f}" for v in [*values, np.mean(values)]) + " |"
            )


if __name__ == "__main__":
    main()
