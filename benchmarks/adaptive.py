"""Whether a budget of false alarms is kept over a month in which traffic drifts, and what it costs.

    python benchmarks/adaptive.py --seeds 101:107

For each seed two weeks are simulated, split and fitted as a training with default settings and
hyperparameters does, and 31 later days are scored: without drift, and in each drift scenario with
hosts that change one after the other over the month, or bytes that grow to six times. The target
is the default for connections. Compared are the fixed threshold, the adaptive one, and adaptive
conformal inference on all alerts and on the false ones, which only the simulator knows.

Floods are put into the month without drift: six hours a day on three days, each hour of a thousand
sources that raise alerts; in ``flood, near too`` of as many again just below the threshold.

Scores are kept in ``--folder``, a file for each seed and scenario: what is there is not made again.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from promise import DETECTORS, SEED, scores_of

from oddwire.detection.calibration.adaptive import HIGHEST, LEARNING_RATE, LOWEST, AdaptiveThreshold
from oddwire.detection.calibration.benign_alarms import BenignAlarms
from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.detection.calibration.thresholds.by_target import Calibrated, by_target
from oddwire.detection.calibration.thresholds.targets import INCIDENTS_PER_DAY, Target
from oddwire.detection.calibration.units import UnitCalibration
from oddwire.detection.model import Model
from oddwire.params import SimulatedSource, SplitSettings
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES
from oddwire.traffic.features.in_batches import FeaturesInBatches
from oddwire.traffic.sources.simulated.later import later_days
from oddwire.traffic.sources.simulated.simulator import simulate
from oddwire.traffic.splitting.parts import split_rows
from oddwire.traffic.units import units_of
from oddwire.traffic.units.so_far import UnitsSoFar

FOLDER = Path(tempfile.gettempdir()) / "oddwire-adaptive"
LATER, SETTLED = 31, 7  # days; the first ones are not counted
SCENARIOS = ("none", "growing", "new_service", "new_subnet", "broken_sensor")
TARGET = Target("false_incidents_per_day", INCIDENTS_PER_DAY)
DAY = 86_400_000_000
KEY = ["ts", "src_ip", "src_port", "dst_ip", "dst_port"]


def drifting(
    seed: int, scenario: str, detectors: tuple[str, ...], connections: int
) -> pd.DataFrame:
    """Return scores as `promise.scores_of` does, of later days with slow drift."""
    if scenario == "none":
        return scores_of(seed, detectors, connections)
    source = SimulatedSource(
        format="simulated", days=14, connections_per_day=connections, seed=seed
    )
    rows = simulate(source)
    features = FeaturesInBatches("connections", CONNECTION_FEATURES)
    own = features.of(rows)
    split = split_rows(rows, None, SplitSettings(), seed=SEED, source="simulated")
    own["part"] = "dropped"
    for part in ("train", "calibration", "validation", "test"):
        own.loc[split.of(part), "part"] = part
    later = features.of(_later(source, scenario)).assign(part="later")
    frame = pd.concat([own, later], ignore_index=True)
    train = frame[frame["part"] == "train"].reset_index(drop=True)
    kept = frame[["ts", "end", "src_ip", "label", "attack", "campaign", "part"]].copy()
    for name in detectors:
        model = Model.build(CONNECTION_FEATURES, name, seed=SEED).fit(train)
        kept[name] = model.anomaly_score(frame)
    kept.attrs["benign_per_day"] = split.benign_per_day
    return kept


def _later(source: SimulatedSource, scenario: str) -> pd.DataFrame:
    until = source.ends + dt.timedelta(days=LATER)
    before = later_days(source, source.ends, until, reach=dt.timedelta(0))
    day = (before["ts"] - source.ends) / pd.Timedelta(days=1)
    if scenario == "growing":
        factor = np.where(before["label"] == 0, 1 + 5 * day / LATER, 1)
        for name in ("src_bytes", "dst_bytes", "src_packets", "dst_packets"):
            before[name] = (before[name] * factor).round()
        return before
    drifted = source.model_copy(update={"drift": (scenario,), "drift_from_day": 0})
    after = later_days(drifted, source.ends, until, reach=dt.timedelta(0))
    old, new = (pd.MultiIndex.from_frame(rows[KEY]) for rows in (before, after))
    stays = ~old.isin(new) | ~_has_changed(before, source)
    rows = pd.concat([before[stays], after[_has_changed(after, source)]], ignore_index=True)
    return rows.sort_values("end", kind="stable", ignore_index=True)


def _has_changed(rows: pd.DataFrame, source: SimulatedSource) -> np.ndarray:
    """Each source changes on a day of its own."""
    texts = rows["src_ip"].astype(object).to_numpy()
    numbers = pd.util.hash_array(texts) ^ np.uint64(source.seed)
    days = (rows["ts"] - source.ends) / pd.Timedelta(days=1)
    return days.to_numpy() >= (numbers % np.uint64(1000)) / 1000 * LATER


class Month:
    """The later days of a detector, and what thresholds make of them."""

    def __init__(self, scored: pd.DataFrame, name: str) -> None:
        benign = scored[scored["label"] == 0]
        calibration = benign[benign["part"] == "calibration"].reset_index(drop=True)
        days = len(calibration) / scored.attrs["benign_per_day"]
        scores = calibration[name].to_numpy()
        alarms = BenignAlarms.of(scores, units_of(calibration))
        rows = ConformalCalibration.fit(scores)
        chosen = by_target(Calibrated(rows, alarms, days), TARGET)
        self.first = rows.threshold(chosen.alert_p_value)
        self.units = UnitCalibration.fit(alarms, days=days)
        self.rows = scored[scored["part"] == "later"].reset_index(drop=True)
        self.scores = self.rows[name].to_numpy()

    def without_attacks(self) -> None:
        """Leave the attacks out."""
        is_benign = (self.rows["label"] == 0).to_numpy()
        self.rows, self.scores = self.rows[is_benign].reset_index(drop=True), self.scores[is_benign]

    def flood(self, *, near: bool = False) -> None:
        """Put a flood into it, of sources that raise alerts, or half of which nearly do."""
        begin = self.rows["end"].min()
        hours = [24 * day + hour for day in (8, 9, 10) for hour in range(9, 15)]
        count = 2000 if near else 1000
        seconds = np.concatenate([3600 * hour + np.linspace(0, 3599, count) for hour in hours])
        names = [f"203.{k % 250}.{k // 250 % 250}.{k // 62_500}" for k in range(len(seconds))]
        flood = pd.DataFrame({
            "end": begin + pd.to_timedelta(seconds, unit="s"), "src_ip": names, "label": 1,
            "attack": "flood", "campaign": "flood",
        })  # fmt: skip
        flood = flood[[name for name in flood if name in self.rows]]
        rows = pd.concat([self.rows, flood], ignore_index=True)
        high, below = 1e3, np.nextafter(self.first, -np.inf)
        rows["score"] = [*self.scores, *np.tile([high, below if near else high], len(flood) // 2)]
        rows = rows.sort_values("end", kind="stable", ignore_index=True)
        self.rows, self.scores = rows, rows["score"].to_numpy()

    def adaptive(self) -> np.ndarray:
        """Return the thresholds that `AdaptiveThreshold` has at the rows."""
        adaptive = AdaptiveThreshold(self.units, self.first, per_day=True)
        return adaptive.update(UnitsSoFar().update(self.rows, self.scores), self.scores)[1]

    def steered_by(self, counted: np.ndarray) -> np.ndarray:
        """Return the thresholds of adaptive conformal inference on the alerts of some rows."""
        units, scores = units_of(self.rows[counted].reset_index(drop=True)), self.scores[counted]
        before, day = units.before(scores), self.day[counted]
        share, level, found = float(self.units.p_values([self.first])[0][0]), 1.0, []
        for now in range(self.day[-1] + 1):
            found.append(self.first if level == 1 else self.units.worst.threshold(level * share))
            came = (day == now) & (scores >= found[-1]) & (before < found[-1])
            observed = min(came.sum() / TARGET.value, 3.0)
            level *= math.exp(LEARNING_RATE * (1 - observed))
            level = min(max(level, LOWEST), HIGHEST)
        return np.asarray(found)[self.day]

    @cached_property
    def day(self) -> np.ndarray:
        """The day of each row, from 0."""
        clock = units_of(self.rows).clock
        return (clock - clock[0]) // DAY

    def figures(self, thresholds: np.ndarray) -> dict[str, float]:
        """Return false incidents against the target, and what attacks are found, once settled."""
        counted = self.day >= SETTLED
        is_benign = (self.rows["label"] == 0).to_numpy()
        benign = self.rows[is_benign].reset_index(drop=True)
        scores, limits = self.scores[is_benign], thresholds[is_benign]
        begins = (scores >= limits) & (units_of(benign).before(scores) < limits)
        days = np.bincount(self.day[is_benign][begins], minlength=LATER)
        attacks = self.rows[~is_benign & counted]
        alerts = (self.scores >= thresholds)[~is_benign & counted]
        campaign = "campaign" if "campaign" in attacks else "attack"
        found = pd.Series(alerts).groupby([attacks["attack"].str.split("#").str[0].to_numpy(),
                                           attacks[campaign].to_numpy()])  # fmt: skip
        campaigns = found.agg(["any", "mean"]).drop("flood", level=0, errors="ignore")
        return {
            "month": days[SETTLED:].mean() / TARGET.value,
            "last half": days[LATER // 2 :].mean() / TARGET.value,
            "campaigns": campaigns["any"].mean(),
            "recall": campaigns["mean"].groupby(level=0).mean().mean(),
        }


def methods(month: Month) -> dict[str, Callable[[], np.ndarray]]:
    """Return what is compared."""
    everything = np.ones(len(month.rows), dtype=bool)
    return {
        "fixed": lambda: np.full(len(month.rows), month.first),
        "adaptive": month.adaptive,
        "all alerts": lambda: month.steered_by(everything),
        "false alerts": lambda: month.steered_by((month.rows["label"] == 0).to_numpy()),
    }


def compared(scored: pd.DataFrame, scenario: str, seed: int, name: str) -> list[dict[str, Any]]:
    """Return the figures of all methods, with attacks and without; and of a flood."""
    variants: dict[str, Callable[[Month], None]] = {
        scenario: lambda _: None, f"{scenario}, no attacks": Month.without_attacks
    }  # fmt: skip
    if scenario == "none":
        variants["flood"] = Month.flood
        variants["flood, near too"] = lambda month: month.flood(near=True)
    lines = []
    for variant, change in variants.items():
        month = Month(scored, name)
        change(month)
        for method, made in methods(month).items():
            about = {"scenario": variant, "detector": name, "method": method, "seed": seed}
            lines.append(about | month.figures(made()))
    return lines


def main() -> None:
    """Make what scores are missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="101:107")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--detectors", nargs="+", default=DETECTORS[:2])
    parser.add_argument("--connections", type=int, default=4000)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for seed in range(*map(int, asked.seeds.split(":"))):
        for scenario in SCENARIOS:
            file = asked.folder / f"{asked.connections}-{seed}-{scenario}.parquet"
            if not file.exists():
                made = drifting(seed, scenario, tuple(asked.detectors), asked.connections)
                made.to_parquet(file)
            scored = pd.read_parquet(file)
            for name in asked.detectors:
                lines += compared(scored, scenario, seed, name)
    print(table(pd.DataFrame(lines)))


def table(lines: pd.DataFrame) -> str:
    """Return means over seeds as text."""
    keys = ["scenario", "detector", "method"]
    groups = lines.drop(columns="seed").groupby(keys, sort=False)
    return groups.mean().round(2).to_string()


if __name__ == "__main__":
    main()
