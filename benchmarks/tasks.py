"""The public sources at hand as tasks: benign rows to learn from, labelled rows to evaluate on.

NSL-KDD has official files. Of the two samples, half of the benign rows train and the rest, with
all attacks, is the test. ``ODDWIRE_SHARED_DATA`` names the folder with the files; NSL-KDD may also
be where ``oddwire fetch nsl-kdd`` puts it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from oddwire.params import NslKddSource, SimulatedSource, TableSource
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES, connection_features
from oddwire.traffic.schema import LABEL, FeatureSchema
from oddwire.traffic.sources import read_source
from oddwire.traffic.sources.simulated.simulator import simulate

NSL_FILES = ("nsl-kdd/KDDTrain+_20Percent.txt", "nsl-kdd/KDDTest+.txt")
DOWNLOADS = Path(__file__).resolve().parents[1] / "data" / "downloads"  # of `oddwire fetch`
UNSW_FILE = "unsw-nb15/UNSW_NB15_sample.csv"
CIC_FILE = "cicids2017/cicids2017_improved_sample.csv"
# What gives the label away: row numbers, addresses and ports, and UNSW-NB15's times to live.
TIMES_TO_LIVE = ("sttl", "dttl", "ct_state_ttl")
CIC_DROPPED = (
    "id", "Flow ID", "Src IP", "Src Port", "Dst IP", "Dst Port", "Timestamp", "Attempted Category",
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """Rows to learn from and rows to evaluate on."""

    name: str
    schema: FeatureSchema
    train: pd.DataFrame
    test: pd.DataFrame

    @property
    def attack(self) -> np.ndarray:
        """Which test rows are attacks."""
        return self.test[LABEL].to_numpy(dtype=bool)


def shared_data() -> Path:
    """Return the folder with the public samples."""
    return Path(os.environ.get("ODDWIRE_SHARED_DATA", "../shared/data")).resolve()


def tasks(seed: int) -> Iterator[Task]:
    """Yield every task whose files are there."""
    root = shared_data()
    for folder in (root, DOWNLOADS):
        if all((folder / file).is_file() for file in NSL_FILES):
            yield nsl_kdd(folder)
            break
    if (root / UNSW_FILE).is_file():
        yield halved("unsw-nb15, TTL dropped", root, unsw(TIMES_TO_LIVE), seed)
        yield halved("unsw-nb15, TTL kept", root, unsw(()), seed)
    if (root / CIC_FILE).is_file():
        yield halved("cicids2017", root, cicids(), seed)
    yield simulated(seed)


def nsl_kdd(root: Path) -> Task:
    """Return the official files: all benign rows of the 20 % train file, the whole test file."""
    train, test = (Path(file) for file in NSL_FILES)
    rows = read_source(NslKddSource(format="nsl-kdd", train=train, test=test), root=root)
    if rows.test is None:
        raise SystemExit("NSL-KDD's test file is missing")
    benign = rows.train[rows.train[LABEL] == 0].reset_index(drop=True)
    return Task("nsl-kdd", rows.schema, benign, rows.test)


def simulated(seed: int) -> Task:
    """Return a simulated week: the benign rows of four days, then all rows of three."""
    week = SimulatedSource(format="simulated", days=7, connections_per_day=3000, seed=seed)
    rows = connection_features(simulate(week))
    first = rows["ts"] < rows["ts"].min() + pd.Timedelta(days=4)
    benign = rows[first & (rows[LABEL] == 0)].reset_index(drop=True)
    return Task("simulated", CONNECTION_FEATURES, benign, rows[~first].reset_index(drop=True))


def unsw(dropped: tuple[str, ...]) -> TableSource:
    """Describe the sample of UNSW-NB15."""
    return TableSource(
        format="table", train=Path(UNSW_FILE), label="label", benign=("0",), attack="attack_cat",
        drop=("id", *dropped),
    )  # fmt: skip


def cicids() -> TableSource:
    """Describe the sample of CICIDS2017."""
    return TableSource(
        format="table", train=Path(CIC_FILE), label="Label", benign=("BENIGN",), drop=CIC_DROPPED
    )


def halved(name: str, root: Path, source: TableSource, seed: int) -> Task:
    """Let half of the benign rows train."""
    rows = read_source(source, root=root)
    benign = np.flatnonzero(rows.train[LABEL] == 0)
    chosen = np.random.default_rng(seed).permutation(benign)[: len(benign) // 2]
    learn = np.zeros(len(rows.train), dtype=bool)
    learn[chosen] = True
    train, test = (rows.train[part].reset_index(drop=True) for part in (learn, ~learn))
    return Task(name, rows.schema, train, test)
