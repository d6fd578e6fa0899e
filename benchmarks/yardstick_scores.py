"""Scores of every detector on split rows, kept in a folder for `benchmarks/yardstick.py`.

    python benchmarks/yardstick_scores.py FOLDER --seeds 1 2 3 4
    python benchmarks/yardstick_scores.py FOLDER --simulated 4000 --seeds 101 102 --later 31

Each public table at hand (of NSL-KDD the train file, unless asked for nsl-kdd-official) or
simulated network is split into parts as a training does, for several seeds; each detector is fitted
with its defaults, or with ``--settings 8`` the forest and the SVM with settings drawn from their
search spaces. FOLDER gets a Parquet file per table and seed: part, label, attack family, times and
source where there are any, and a column of anomaly scores per model. A file that is there is not
made anew.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tasks import CIC_FILE, NSL_FILES, TIMES_TO_LIVE, UNSW_FILE, cicids, shared_data, unsw

from oddwire.detection.detectors import search_space
from oddwire.detection.model import Model
from oddwire.detection.search_space import Choice, HyperParameters, IntRange, SearchSpace, When
from oddwire.params import NslKddSource, SimulatedSource, SplitSettings, TableSource, ZeekSource
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES, connection_features
from oddwire.traffic.schema import FeatureSchema
from oddwire.traffic.sources import read_source
from oddwire.traffic.sources.simulated.later import later_days
from oddwire.traffic.sources.simulated.simulator import simulate
from oddwire.traffic.splitting.parts import split_rows

DETECTORS = (
    "isolation_forest", "one_class_svm", "autoencoder", "ensemble", "kmeans", "kmeans_autoencoder",
    "nearest_neighbours",
)  # fmt: skip
KEPT = ("ts", "end", "src_ip", "label", "attack", "campaign")
SEARCHED = ("isolation_forest", "one_class_svm")
PARTS = ("train", "calibration", "validation", "test")
OFFICIAL = "nsl-kdd-official"
ZEEK_FILE = "zeek/conn.log.labeled"
Rows = tuple[pd.DataFrame, FeatureSchema]


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


def table(source: TableSource | NslKddSource) -> Rows:
    """Read a table of the shared data; an official test file is the part ``test``."""
    read = read_source(source, root=shared_data())
    if read.test is None:
        return read.train, read.schema
    return pd.concat([read.train, read.test.assign(part="test")], ignore_index=True), read.schema


def nsl_kdd_source() -> NslKddSource:
    """Describe NSL-KDD with its official test file."""
    train, test = (Path(file) for file in NSL_FILES)
    return NslKddSource(format="nsl-kdd", train=train, test=test)


def zeek() -> Rows:
    """Read the labelled head of a Zeek log."""
    source = ZeekSource(format="zeek", files=(ZEEK_FILE,))
    connections = read_source(source, root=shared_data()).train
    return connection_features(connections), CONNECTION_FEATURES


def cicids_by_time() -> TableSource:
    """Describe the sample of CICIDS2017 in the order of its days."""
    return TableSource(
        format="table", train=Path(CIC_FILE), label="Label", benign=("BENIGN",), time="Timestamp",
        drop=("id", "Flow ID", "Src IP", "Src Port", "Dst IP", "Dst Port", "Attempted Category"),
    )  # fmt: skip


TABLES: dict[str, tuple[str, Callable[[], Rows]]] = {
    "nsl-kdd-train": (
        NSL_FILES[0],
        lambda: table(NslKddSource(format="nsl-kdd", train=Path(NSL_FILES[0]))),
    ),
    # Chooses no figure: for the end alone.
    OFFICIAL: (NSL_FILES[1], lambda: table(nsl_kdd_source())),
    "unsw-nb15-no-ttl": (UNSW_FILE, lambda: table(unsw(TIMES_TO_LIVE))),
    "unsw-nb15": (UNSW_FILE, lambda: table(unsw(()))),
    "cicids2017": (CIC_FILE, lambda: table(cicids())),
    "cicids2017-by-time": (CIC_FILE, lambda: table(cicids_by_time())),
    "zeek-labelled": (ZEEK_FILE, zeek),
}


def network(size: int, seed: int, later: int) -> Rows:
    """Simulate two weeks, and some days after them, which are marked as of the part ``later``."""
    source = SimulatedSource(format="simulated", days=14, connections_per_day=size, seed=seed)
    rows = connection_features(simulate(source))
    if later:
        end = source.ends + dt.timedelta(days=later)
        after = later_days(source, source.ends, end, reach=dt.timedelta(0))
        days = connection_features(after)
        rows = pd.concat([rows, days.assign(part="later")], ignore_index=True)
    return rows, CONNECTION_FEATURES


def models(settings: int, seed: int) -> Iterator[tuple[str, str, HyperParameters]]:
    """Yield a column's name, a detector and its hyperparameters; the first are the defaults."""
    if not settings:
        yield from ((name, name, {}) for name in DETECTORS)
        return
    for name in SEARCHED:
        random = np.random.default_rng(seed)
        for number in range(settings):
            yield f"{name} {number}", name, drawn(search_space(name), random) if number else {}


def scored(rows: pd.DataFrame, schema: FeatureSchema, seed: int, settings: int) -> pd.DataFrame:
    """Split rows as a training does, and let every detector score them."""
    own = rows["part"].isna().to_numpy() if "part" in rows else np.ones(len(rows), dtype=bool)
    before = rows[own].reset_index(drop=True)
    others = rows[~own].reset_index(drop=True)
    has_test = "part" in others and others["part"].eq("test").any()
    official = others if has_test else None
    split = split_rows(before, official, SplitSettings(), seed=seed, source="benchmark")
    parts = PARTS if official is None else PARTS[:-1]
    frames = [before.iloc[split.of(part)].assign(part=part) for part in parts]
    frame = pd.concat([*frames, others], ignore_index=True)
    kept = frame[[*(name for name in KEPT if name in frame), "part"]].copy()
    train = frame[frame["part"] == "train"].reset_index(drop=True)
    for column, name, given in models(settings, seed):
        model = Model.build(schema, name, given, seed=seed)
        kept[column] = model.fit(train).anomaly_score(frame)
    return kept


def wanted(options: argparse.Namespace) -> Iterator[tuple[str, int, Callable[[], Rows]]]:
    """Yield name, seed and reader of the rows to score."""
    for seed in options.seeds:
        if options.simulated:
            name = f"{options.simulated}-{seed}"
            yield name, 7, partial(network, options.simulated, seed, options.later)
            continue
        for name, (file, read) in TABLES.items():
            if (shared_data() / file).is_file() and name in (
                options.tables or {*TABLES} - {OFFICIAL}
            ):
                yield f"{name}-{seed}", seed, read


def main() -> None:
    """Score what is not there yet."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("folder", type=Path)
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4])
    options.add_argument("--tables", nargs="+", choices=[*TABLES])
    options.add_argument("--simulated", type=int, metavar="CONNECTIONS_PER_DAY")
    options.add_argument("--later", type=int, default=31, help="days after those trained on")
    options.add_argument("--settings", type=int, default=0, help="of the forest and of the SVM")
    chosen = options.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for name, seed, read in wanted(chosen):
        file = chosen.folder / f"{name}.parquet"
        if not file.exists():
            scored(*read(), seed, chosen.settings).to_parquet(file)
            print(file.name, flush=True)


if __name__ == "__main__":
    main()
