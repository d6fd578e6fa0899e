"""Which criterion without labels ranks detectors as labels do.

python benchmarks/label_free.py [--seeds 0 1]

Of every source, a spread of detectors and hyperparameters learns from half of the benign rows. The
criteria see benign rows held out of that half; average precision and ROC AUC are of the other half
and all attacks. Written down is Spearman's rank correlation over the models. Of NSL-KDD the train
file alone is read.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable, Iterator
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
from oddwire.evaluation.without_labels.compactness import shape_over_subsets
from oddwire.evaluation.without_labels.synthetic_anomalies import (
    drill_average_precision,
    make_synthetic_anomalies,
)
from oddwire.params import NslKddSource, SimulatedSource, SourceSettings
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES, connection_features
from oddwire.traffic.schema import LABEL, FeatureSchema
from oddwire.traffic.sources import read_source
from oddwire.traffic.sources.simulated.simulator import simulate

RESULT = Path(__file__).parent / "results" / "label_free.json"
MODELS, LEARNED, HELD_OUT, JUDGED, REFITTED = 16, 3000, 1500, 6000, 600
# It is made of the others.
LEFT_OUT = ("ensemble",)
SLOW, FEW = "autoencoder", 3
CRITERIA = ("synthetic_anomalies", "excess_mass", "mass_volume", "synthetic_anomalies_and_shape")
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
    """Part the benign rows; attacks are for judging alone."""
    random = np.random.default_rng(seed)
    benign = random.permutation(np.flatnonzero((rows[LABEL] == 0).to_numpy(dtype=bool)))
    rest = np.append(benign[len(benign) // 2 :], np.flatnonzero(rows[LABEL] == 1))
    learned = benign[: min(len(benign) // 2, LEARNED + HELD_OUT)]
    evaluated = random.permutation(rest)[:JUDGED]
    return Task(
        name, schema, *(rows.iloc[at].reset_index(drop=True) for at in (learned, evaluated))
    )


def settings(seed: int) -> Iterator[tuple[str, HyperParameters]]:
    """Yield detectors with hyperparameters drawn from their search spaces."""
    random = np.random.default_rng(seed)
    names = [name for name in DETECTORS if name not in LEFT_OUT]
    others = len(names) - (SLOW in names)
    for name in names:
        count = FEW if name == SLOW else max(2, round((MODELS - FEW) / others))
        for _ in range(count):
            yield name, drawn(search_space(name), random)


def drawn(space: SearchSpace, random: np.random.Generator) -> HyperParameters:
    """Draw a point of a search space."""
    chosen: dict[str, Any] = {}
    for name, asked in space.items():
        dimension = asked.then if isinstance(asked, When) else asked
        if isinstance(asked, When) and not asked.holds(chosen):
            if asked.otherwise is not None:
                chosen[name] = asked.otherwise
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
    few = learned.head(REFITTED)

    def fit(schema: FeatureSchema, rows: pd.DataFrame) -> Callable[[pd.DataFrame], np.ndarray]:
        return Model.build(schema, name, params, seed=seed).fit(rows).anomaly_score

    score = fit(task.schema, learned)
    synthetic_anomalies = make_synthetic_anomalies(held_out, task.schema, seed=seed)
    shape = shape_over_subsets(
        lambda chosen: fit(chosen, few), held_out, task.schema, seed=seed, subsets=5, draws=3000
    )
    curve = ranking_curve(task.attack, score(task.test))
    found = drill_average_precision(score, held_out, synthetic_anomalies)
    return {
        "synthetic_anomalies": found,
        "synthetic_anomalies_and_shape": (2 * found + shape.compactness)
        / 3,  # two kinds of synthetic_anomaly, one shape
        "excess_mass": shape.excess_mass,
        "mass_volume": -shape.mass_volume,
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    warnings.simplefilter("ignore")
    found: dict[str, list[dict[str, dict[str, float]]]] = {}
    models: list[dict[str, Any]] = []
    left_out: list[str] = []
    for seed in parser.parse_args().seeds:
        for task in sources(seed):
            rows = []
            for name, params in settings(seed):
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
            name: {label: float(np.mean([one[name][label] for one in runs])) for label in LABELLED}
            for name in CRITERIA
        }
        for source, runs in found.items()
    }
    content = {"spearman": mean, "models": models, "left_out": left_out}
    RESULT.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    show(mean)
    print(f"{len(left_out)} settings failed, see {RESULT.name}")


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
