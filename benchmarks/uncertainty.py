"""By which clusters intervals are drawn, and how often the verdict on the target is wrong.

python benchmarks/uncertainty.py --scores FOLDER [--drifted FOLDER]

Each file of a folder holds the scored rows of one simulated seed: ``part`` (calibration, and
``later`` for the days after the source's own), ``end src_ip label attack``, and the anomaly scores
of each detector in a column. ``--make SEEDS`` writes such files first, ``--drift SCENARIO`` with a
change of the simulator in the later days.

The threshold of each detector allows 30 incidents a day among the benign calibration rows. The
rate of the later days is the truth, which intervals of windows of 3.5 days should cover in 95 % of
cases, and by which a verdict "above" is right or wrong.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t

from oddwire.detection.calibration.benign_alarms import BenignAlarms
from oddwire.detection.model import Model
from oddwire.evaluation.observed import INCIDENTS, NAMES, FalseAlarms, count_false_alarms, observe
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.evaluation.uncertainty.clustered import ClusteredCount, share_interval
from oddwire.params import SimulatedSource, SplitSettings
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES
from oddwire.traffic.features.in_batches import FeaturesInBatches
from oddwire.traffic.schema import CAMPAIGN
from oddwire.traffic.sources.simulated.later import later_days
from oddwire.traffic.sources.simulated.simulator import simulate
from oddwire.traffic.splitting.parts import split_rows
from oddwire.traffic.units import units_of

DETECTORS = ("isolation_forest", "one_class_svm", "autoencoder", "ensemble")
PER_DAY = 30.0
WINDOW = 3.5
KEPT = ["end", "ts", "src_ip", "label", "attack"]
BEFORE = ("train", "calibration", "validation")


def make(folder: Path, seed: int, size: int, days: int, drift: str) -> None:
    """Write the scored rows of one seed."""
    source = SimulatedSource(format="simulated", days=14, connections_per_day=size, seed=seed)
    features = FeaturesInBatches("connections", CONNECTION_FEATURES)
    rows = simulate(source)
    own = features.of(rows)
    split = split_rows(rows, None, SplitSettings(), seed=7, source="x")
    own["part"] = "dropped"
    for part in (*BEFORE, "test"):
        own.loc[split.of(part), "part"] = part
    train = own[own["part"] == "train"].reset_index(drop=True)
    changed = source.model_copy(update={"drift": (drift,) if drift else ()})
    later = later_days(
        changed, source.ends, source.ends + dt.timedelta(days=days), reach=dt.timedelta(0)
    )
    after = deepcopy(features).of(later).assign(part="later")
    frame = pd.concat([own, after], ignore_index=True)
    kept = frame[[*KEPT, "part"]].copy()
    if CAMPAIGN in frame:
        kept["attack"] = frame[CAMPAIGN].where(frame[CAMPAIGN].notna(), frame["attack"])
    for name in DETECTORS:
        model = Model.build(CONNECTION_FEATURES, name, seed=7).fit(train)
        kept[name] = model.anomaly_score(frame)
    kept.to_parquet(folder / f"{size}-{seed}{f'-{drift}' if drift else ''}.parquet")


def rows_of(frame: pd.DataFrame, detector: str) -> ScoredRows:
    """Return scored rows; what is called the attack is its campaign."""
    named = frame.assign(campaign=frame["attack"])
    return ScoredRows.of(named, frame[detector].to_numpy())


def seen(file: Path, detector: str) -> Iterator[tuple[float, ScoredRows | None, FalseAlarms]]:
    """Yield the false alarms of the calibration, then of all later days, then of windows."""
    frame = pd.read_parquet(file, columns=["part", *KEPT, detector])
    benign = frame[frame["label"] == 0]
    calibration = benign[benign["part"] == "calibration"].reset_index(drop=True)
    before = benign[benign["part"].isin(BEFORE)]
    span = (before["end"].max() - before["end"].min()) / pd.Timedelta(days=1)
    days = span * len(calibration) / len(before)
    alarms = BenignAlarms.of(calibration[detector].to_numpy(), units_of(calibration))
    threshold = alarms.threshold(alarms.by_incident, PER_DAY * days).threshold
    noise = count_false_alarms(rows_of(calibration, detector), threshold, days=days)
    yield threshold, None, noise
    later = frame[frame["part"] == "later"].reset_index(drop=True)
    passed = (later["end"] - later["end"].min()) / pd.Timedelta(days=1)
    parts = [later]
    for at in range(int((passed.max() + 0.01) // WINDOW)):
        inside = (passed >= at * WINDOW) & (passed < (at + 1) * WINDOW)
        parts.append(later[inside].reset_index(drop=True))
    for part in parts:
        scored = rows_of(part, detector)
        found = count_false_alarms(scored, threshold)
        yield threshold, scored, found


def by_other_clusters(
    scored: ScoredRows, threshold: float
) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield the interval of a window's false incidents by each kind of cluster."""
    benign = np.asarray(scored.labels) == 0
    units, scores = scored.units.take(benign), scored.scores[benign]
    begins = ((scores >= threshold) & (units.before(scores) < threshold)) * 1.0
    hours = (units.clock - units.clock[0]) / 3.6e9
    kinds = {
        "row": None, "unit": units.codes, "source and day": pairs(units.sources, hours // 24),
        "source": units.sources,
    }  # fmt: skip
    for name, clusters in kinds.items():
        if clusters is None:
            yield name, ClusteredCount(np.ones(int(begins.sum()))).interval()
        else:
            yield name, ClusteredCount.of(begins, None, clusters).interval()
    blocks = np.bincount((hours // 6).astype(int), begins)
    spread = t.ppf(0.975, len(blocks) - 1) * np.sqrt(len(blocks) * blocks.var(ddof=1))
    yield "6-hour block", (begins.sum() - spread, begins.sum() + spread)


def pairs(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Number pairs."""
    return pd.factorize(pd.MultiIndex.from_arrays([one, other]))[0]


def recall_rows(scored: ScoredRows, threshold: float) -> Iterator[tuple[str, float, tuple]]:
    """Yield a window's recall and its interval by each kind of cluster."""
    attack = np.asarray(scored.labels) == 1
    found = (scored.scores[attack] >= threshold) * 1.0
    campaign = pd.factorize(scored.campaign[attack])[0]
    family = pd.factorize(pd.Series(scored.attack[attack]).str.split(r"[# ]").str[0])[0]
    kinds = {
        "row": np.arange(len(found)), "source": scored.units.sources[attack], "campaign": campaign,
    }  # fmt: skip
    for name, clusters in kinds.items():
        _, first, codes = np.unique(clusters, return_index=True, return_inverse=True)
        hits, sizes = np.bincount(codes, found), np.bincount(codes) * 1.0
        yield name, found.mean(), share_interval(hits, sizes, family[first])


def coverage(files: list[Path]) -> pd.DataFrame:
    """Return how often intervals of windows cover the rate of all later days."""
    rows = []
    for file in files:
        for detector in DETECTORS:
            (threshold, _, _), (_, _, every), *windows = seen(file, detector)
            truth = every.incidents.value / every.days * WINDOW
            recalls = []
            for _, scored, _ in windows:
                for name, (low, high) in by_other_clusters(scored, threshold):
                    rows.append(("false incidents", name, low <= truth <= high))
                recalls += list(recall_rows(scored, threshold))
            mean = np.mean([value for name, value, _ in recalls if name == "row"])
            rows += [("recall", name, low <= mean <= high) for name, _, (low, high) in recalls]
    table = pd.DataFrame(rows, columns=["of", "cluster", "covered"])
    return table.groupby(["of", "cluster"])["covered"].agg(["mean", "size"])


def verdicts(files: list[Path], *, share: float = 1.0) -> pd.DataFrame:
    """Return what is said of each window, and the true rate of all later days over the target.

    ``share`` of the false incidents at 30 a day is the target of units and rows: what the
    calibration rows have at the threshold.
    """
    rows = []
    for file in files:
        for detector in DETECTORS:
            (_, _, noise), (_, _, every), *windows = seen(file, detector)
            for name in NAMES:
                target = PER_DAY if name == INCIDENTS else noise.counts(name).value * share
                truth = every.counts(name).value / every.per(name) / target
                for at, (_, _, found) in enumerate(windows):
                    told = observe(found, {name: target}, noise)
                    now = told.own.value / target
                    rows.append((file.stem, detector, name, at, truth, now, told.verdict))
    columns = ["file", "detector", "target", "window", "true", "observed", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def main() -> None:
    """Make what is asked for, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scores", type=Path, help="folder of files without drift")
    parser.add_argument("--drifted", type=Path, help="folder of files with a drift scenario")
    parser.add_argument("--make", default="", help="seeds to make first, such as 101:125")
    parser.add_argument("--size", type=int, default=4000, help="connections per day")
    parser.add_argument("--days", type=int, default=31, help="later days")
    parser.add_argument("--drift", default="", help="scenario of the seeds to be made")
    chosen = parser.parse_args()
    if chosen.make:
        for seed in range(*map(int, chosen.make.split(":"))):
            folder = chosen.drifted if chosen.drift else chosen.scores
            make(folder, seed, chosen.size, chosen.days, chosen.drift)
    pd.set_option("display.width", 100)
    if chosen.scores:
        files = sorted(chosen.scores.glob(f"{chosen.size}-*.parquet"))
        print(coverage(files).round(3).to_string())
        told = verdicts(files)
        told["above"], told["below"] = told["verdict"] == "above", told["verdict"] == "below"
        columns = ["above", "below", "true"]
        print(told.groupby(["target", "detector"])[columns].mean().round(3).to_string())
    if chosen.drifted:
        told = verdicts(sorted(chosen.drifted.glob(f"{chosen.size}-*.parquet")))
        told["scenario"] = told["file"].str.split("-").str[-1]
        changed = told[told["true"] > 1.5]
        right = changed.assign(above=changed["verdict"] == "above", of=1)
        groups = right.groupby(["target", "scenario"])
        print(groups.agg({"above": "mean", "of": "sum", "true": "mean"}).round(3).to_string())
        print(right.groupby(["target", "detector"])["above"].mean().round(3).to_string())


if __name__ == "__main__":
    main()
