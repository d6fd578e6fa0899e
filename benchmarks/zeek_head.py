"""What a promise is worth on the head of a labelled Zeek log: observed against target, in units.

    python benchmarks/zeek_head.py ../shared/data/zeek/conn.log.labeled

Rows in the order of time. Benign rows of the first 60 % train (the first two thirds of them) and
calibrate, those of the rest are observed, with exact binomial intervals.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from oddwire.detection.calibration.benign_alarms import BenignAlarms
from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.detection.calibration.thresholds.by_target import Calibrated, by_target
from oddwire.detection.calibration.thresholds.targets import Target
from oddwire.detection.model import Model
from oddwire.params import ZeekSource
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES
from oddwire.traffic.features.in_batches import FeaturesInBatches
from oddwire.traffic.sources import open_file
from oddwire.traffic.units import units_of

DETECTORS = ("isolation_forest", "one_class_svm", "autoencoder")
TARGETS = (
    Target("false_incidents_per_day", 30.0),
    Target("share_of_units", 0.01),
    Target("share_of_rows", 0.01),
)


def benign_parts(file: Path) -> dict[str, pd.DataFrame]:
    """Return the benign rows that train, calibrate and are observed."""
    settings = ZeekSource(format="zeek", files=str(file))
    opened = open_file(settings, file, schema=CONNECTION_FEATURES, rows=100_000)
    rows = pd.concat(opened.frames(), ignore_index=True)
    rows = rows.sort_values("end", kind="stable", ignore_index=True)
    features = FeaturesInBatches("connections", CONNECTION_FEATURES).of(rows)
    is_benign = (features["label"] == 0).fillna(False).to_numpy()
    first = features[is_benign & (np.arange(len(features)) < 0.6 * len(features))]
    train = round(2 / 3 * len(first))
    parts = {
        "train": first[:train], "calibration": first[train:],
        "observed": features[is_benign & (np.arange(len(features)) >= 0.6 * len(features))],
    }  # fmt: skip
    return {name: part.reset_index(drop=True) for name, part in parts.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parts = benign_parts(parser.parse_args().file)
    days = {
        name: (part["end"].max() - part["end"].min()) / pd.Timedelta(days=1)
        for name, part in parts.items()
    }
    for name, part in parts.items():
        units = units_of(part)
        print(
            f"{name}: {len(part)} benign rows, {len(set(units.codes))} units of "
            f"{len(units.names)} sources, {24 * 60 * days[name]:.0f} minutes"
        )
    for detector in DETECTORS:
        model = Model.build(CONNECTION_FEATURES, detector, seed=7).fit(parts["train"])
        known = model.anomaly_score(parts["calibration"])
        scores, units = model.anomaly_score(parts["observed"]), units_of(parts["observed"])
        alarms = BenignAlarms.of(known, units_of(parts["calibration"]))
        calibrated = Calibrated(ConformalCalibration.fit(known), alarms, days["calibration"])
        for target in TARGETS:
            chosen = by_target(calibrated, target)
            threshold = calibrated.rows.threshold(chosen.alert_p_value)
            alerting, of = len(set(units.codes[scores >= threshold])), len(set(units.codes))
            rows = binomtest(int((scores >= threshold).sum()), len(scores))
            low, high = binomtest(alerting, of).proportion_ci(method="exact")
            print(
                f"{detector}, {target.in_words}: {units.incidents(scores, threshold)} false "
                f"incidents in {24 * 60 * days['observed']:.0f} minutes; {alerting} of {of} units "
                f"({low:.0%} to {high:.0%}); {rows.statistic:.1%} of the rows; "
                f"supported: {chosen.shortfall is None}"
            )


if __name__ == "__main__":
    main()
