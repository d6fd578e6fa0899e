"""Share of planted columns that an explanation names first, per detector and source.

    ODDWIRE_SHARED_DATA=... python benchmarks/planted.py

Three columns of benign rows are changed: a number goes beyond all that training has, a category is
one that training has never seen. Figures: the share of the changed ones among the first three
named, and how often the first one named was changed. `docs/decisions/0007-explanations.md` reports
them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import pandas as pd
from tasks import TIMES_TO_LIVE, Task, cicids, halved, nsl_kdd, shared_data, unsw

from oddwire.detection.detectors import DETECTORS
from oddwire.detection.model import Model
from oddwire.traffic.schema import FeatureSchema

PLANTED, ROWS = 3, 200
UNHEARD_OF = "unheard of"


def sources(seed: int) -> Iterator[Task]:
    """Yield the public sources, of which only benign rows are used."""
    root = shared_data()
    yield nsl_kdd(root)
    yield halved("unsw-nb15", root, unsw(TIMES_TO_LIVE), seed)
    yield halved("cicids2017", root, cicids(), seed)


def plant(
    rows: pd.DataFrame, train: pd.DataFrame, schema: FeatureSchema, random: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """Make three varying columns per row anomalous; return the rows and which columns."""
    planted = np.zeros((len(rows), len(schema.columns)), dtype=bool)
    varying = [name for name in schema.columns if len(train[name].dropna().unique()) > 1]
    places = pd.Index(schema.columns).get_indexer(pd.Index(varying))
    for row in planted:
        row[random.choice(places, PLANTED, replace=False)] = True
    anomalous = rows.copy()
    for place, name in enumerate(schema.columns):
        here = planted[:, place]
        if name in schema.categorical:
            anomalous[name] = anomalous[name].astype(object).mask(here, UNHEARD_OF)
            continue
        column = train[name].to_numpy(dtype=float)
        beyond = np.nanmax(column) + np.ptp(column[np.isfinite(column)]) * random.uniform(
            0.5, 5, size=len(rows)
        )
        anomalous[name] = np.where(here, beyond, anomalous[name].to_numpy(dtype=float))
    return anomalous, planted


def main() -> None:
    """Print a table: source and detector, share of the planted ones named, first one planted."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seed", type=int, default=0)
    seed = options.parse_args().seed
    found = []
    for task in sources(seed):
        random = np.random.default_rng(seed)
        benign = task.test[~task.attack].sample(ROWS, random_state=seed)
        anomalous, planted = plant(benign, task.train, task.schema, random)
        for name in DETECTORS:
            model = Model.build(task.schema, name, seed=seed).fit(task.train)
            model.calibrate(task.test[~task.attack])
            explained = model.explain(anomalous, top=PLANTED)
            places = pd.Index(task.schema.columns).get_indexer(explained["feature"])
            named = np.take_along_axis(planted, places.reshape(len(anomalous), PLANTED), axis=1)
            found.append((name, task.name, named.mean(), named[:, 0].mean()))
        print(f"{task.name} done", flush=True)
    table = pd.DataFrame(found, columns=["detector", "source", "named", "first"])
    print(table.pivot_table(index="detector", columns="source").round(3).to_string())
    print(table.groupby("detector")[["named", "first"]].mean().round(3).to_string())


if __name__ == "__main__":
    main()
