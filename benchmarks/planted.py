"""Share of planted columns that an explanation names first, per detector and source.

    ODDWIRE_SHARED_DATA=... python benchmarks/planted.py

Three columns of benign rows are made anomalous: a number goes beyond all training values, a
category is one that training has never seen. Figures: the share of the planted columns among the
first three named, and how often the first one named was planted.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import pandas as pd
from tasks import TIMES_TO_LIVE, Task, cicids, halved, nsl_kdd, shared_data, unsw

from oddwire.detection.detectors import DETECTORS
from oddwire.detection.model import Model
from oddwire.evaluation.without_labels.compactness import varying_columns
from oddwire.traffic.schema import FeatureSchema

PLANTED, ROWS = 3, 200
UNSEEN = "unseen"


def sources(seed: int) -> Iterator[Task]:
    """Yield the public sources, of which only benign rows are used."""
    root = shared_data()
    yield nsl_kdd(root)
    yield halved("unsw-nb15", root, unsw(TIMES_TO_LIVE), seed)
    yield halved("cicids2017", root, cicids(), seed)


def plant(
    rows: pd.DataFrame, train: pd.DataFrame, schema: FeatureSchema, random: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """Make three varying columns of each row anomalous; return the rows and which columns."""
    planted = np.zeros((len(rows), len(schema.columns)), dtype=bool)
    varying = pd.Index(schema.columns).get_indexer(pd.Index(varying_columns(train, schema)))
    for row in planted:
        row[random.choice(varying, PLANTED, replace=False)] = True
    changed = rows.copy()
    for place, name in enumerate(schema.columns):
        here = planted[:, place]
        if name in schema.categorical:
            changed[name] = changed[name].astype(object).mask(here, UNSEEN)
            continue
        column = train[name].to_numpy(dtype=float)
        beyond = np.nanmax(column) + np.ptp(column[np.isfinite(column)]) * random.uniform(
            0.5, 5, size=len(rows)
        )
        changed[name] = np.where(here, beyond, changed[name].to_numpy(dtype=float))
    return changed, planted


def named_columns(model: Model, rows: pd.DataFrame, schema: FeatureSchema) -> np.ndarray:
    """Return the places of the first columns named, shape (rows, 3)."""
    explained = model.explain(rows, top=PLANTED)
    places = pd.Index(schema.columns).get_indexer(explained["feature"])
    return places.reshape(len(rows), PLANTED)


def main() -> None:
    """Print a table: share of planted columns named, share of first named that were planted."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--rows", type=int, default=ROWS)
    options.add_argument("--detectors", nargs="+", default=list(DETECTORS))
    chosen = options.parse_args()
    seed = chosen.seed
    found = []
    for task in sources(seed):
        random = np.random.default_rng(seed)
        benign = task.test[~task.attack].sample(chosen.rows, random_state=seed)
        changed, planted = plant(benign, task.train, task.schema, random)
        for name in chosen.detectors:
            model = Model.build(task.schema, name, seed=seed).fit(task.train)
            model.calibrate(task.test[~task.attack])
            places = named_columns(model, changed, task.schema)
            named = np.take_along_axis(planted, places, axis=1)
            found.append((name, task.name, named.mean(), named[:, 0].mean()))
        print(f"{task.name} done", flush=True)
    table = pd.DataFrame(found, columns=["detector", "source", "named", "first"])
    print(table.pivot_table(index="detector", columns="source").round(3).to_string())
    print(table.groupby("detector")[["named", "first"]].mean().round(3).to_string())


if __name__ == "__main__":
    main()
