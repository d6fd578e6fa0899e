"""Trainings side by side: figures, and paired differences where both evaluated the same test rows.

A training keeps the scores of its test rows and a digest of every column of those rows. Two
trainings evaluated the same rows where their labels agree row by row, and so does every column that
both have; one of them may have more columns, since what they bring is worth a comparison.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np
import pandas as pd

from oddwire.evaluation import yardstick
from oddwire.evaluation.campaigns.comparing import paired_campaigns
from oddwire.evaluation.metrics import FIXED_FPRS, known_labels
from oddwire.evaluation.observed import INCIDENTS, UNITS
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.evaluation.uncertainty.comparing import (
    LOWER_IS_BETTER,
    Difference,
    paired_alerts,
    paired_rankings,
)
from oddwire.evaluation.uncertainty.resampling import Metric, affordable_resamples
from oddwire.traffic.schema import LABEL

COMPARED = (
    yardstick.NAME, "roc_auc", "average_precision", *FIXED_FPRS, "f1", "precision", "recall",
    "false_positive_rate", "accuracy",
)  # fmt: skip
# Where sources and campaigns are known. Incidents and units have no paired difference, nor has the
# time to a first alert, which a missed campaign has none of.
WHERE_KNOWN = (INCIDENTS, UNITS, "campaign_recall", "minutes_to_first_alert")
_BESIDE = ("threshold", "target", "intervals", "run_id", "model_version")
Fingerprint = dict[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingRecord:
    """What is kept of a training that can be compared.

    Parameters
    ----------
    best
        The detector that it chose.
    rows
        Its leaderboard's rows by detector.
    scores
        Test rows with each detector's scores; a detector whose scores were not kept is missing.
    fingerprint
        What `fingerprint_rows` made of the test rows; None where it was not kept.
    """

    run_id: str
    name: str
    best: str
    rows: Mapping[str, Mapping[str, Any]]
    scores: Mapping[str, ScoredRows]
    fingerprint: Fingerprint | None


@dataclass(frozen=True, kw_only=True)
class DetectorComparison:
    """One detector in both trainings, or the best of each.

    ``differences`` is empty where the test rows or their labels allow no paired comparison.
    """

    detector: str
    earlier: Mapping[str, Any]
    later: Mapping[str, Any]
    differences: tuple[Difference, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """What both are compared by: units and campaigns too, where either training knew any."""
        both = (self.earlier, self.later)
        known = [name for name in WHERE_KNOWN if any(each.get(name) is not None for each in both)]
        return (*COMPARED, *known)

    def difference(self, metric: str) -> Difference | None:
        """Return the paired difference in a metric, None where there is none."""
        return next((each for each in self.differences if each.metric == metric), None)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two trainings side by side; differences are those of the later one over the earlier one.

    ``unpaired`` says why there are no paired differences, and is empty where there are.
    ``identical`` says whether both have the same detectors, which gave every test row the same
    score to the last bit and raise an alert at the same threshold.
    """

    earlier: str
    later: str
    detectors: tuple[DetectorComparison, ...]
    only_earlier: tuple[str, ...]
    only_later: tuple[str, ...]
    unpaired: str
    identical: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {**asdict(self), "paired": not self.unpaired}

    def to_frame(self) -> pd.DataFrame:
        """Return a row per detector and metric, for the MLflow page."""
        rows = [
            {
                "detector": each.detector,
                "metric": metric,
                "earlier": each.earlier.get(metric),
                "later": each.later.get(metric),
                **_ends(each.difference(metric)),
                "verdict": verdict(each.difference(metric)),
            }
            for each in self.detectors
            for metric in each.metrics
        ]
        frame = pd.DataFrame(rows, columns=[
            "detector", "metric", "earlier", "later", "difference", "low", "high", "share_better",
            "verdict",
        ])  # fmt: skip
        frame["earlier_run"], frame["later_run"] = self.earlier, self.later
        return frame.astype(object).replace({np.nan: None})  # JSON knows no NaN


def verdict(difference: Difference | None) -> str:
    """Say in a word what a paired difference shows; ``not paired`` where there is none."""
    if difference is None:
        return "not paired"
    if difference.low <= 0 <= difference.high:
        return "no difference shown"
    return "better" if (difference.low > 0) != (difference.metric in LOWER_IS_BETTER) else "worse"


def fingerprint_rows(rows: pd.DataFrame) -> Fingerprint:
    """Return how many rows there are, and the SHA-256 of each column's values in their order."""
    digests = {}
    for name in rows.columns:
        hashed = pd.util.hash_pandas_object(rows[name], index=False)
        digests[str(name)] = hashlib.sha256(hashed.to_numpy().tobytes()).hexdigest()[:16]
    return {"rows": len(rows), "columns": digests}


def why_other_rows(earlier: Fingerprint | None, later: Fingerprint | None) -> str:
    """Return why two fingerprints are not of the same rows; empty where they are."""
    if earlier is None or later is None:
        return "it was not kept which test rows they were evaluated on"
    if earlier["rows"] != later["rows"]:
        return f"they were evaluated on {earlier['rows']:,} and {later['rows']:,} test rows"
    first, second = earlier["columns"], later["columns"]
    if first.get(LABEL) != second.get(LABEL):
        return "the labels of their test rows differ"
    shared = [name for name in first if name in second and name != LABEL]
    if not shared:
        return "their test rows have no column in common"
    differing = [name for name in shared if first[name] != second[name]]
    return f"their test rows differ in the column {differing[0]!r}" if differing else ""


def compare_trainings(
    earlier: TrainingRecord, later: TrainingRecord, *, seed: int = 0
) -> Comparison:
    """Put two trainings side by side, detector by detector.

    Where they chose different detectors, the best of each are compared as well.

    Parameters
    ----------
    earlier, later
        The two; differences are later minus earlier.
    seed
        Of the paired bootstrap.
    """
    both = [name for name in earlier.rows if name in later.rows]
    pairs = [(name, name, name) for name in both]
    chosen = earlier.best in earlier.rows and later.best in later.rows
    if chosen and earlier.best != later.best:
        pairs.append(("best", earlier.best, later.best))
    unpaired = why_other_rows(earlier.fingerprint, later.fingerprint) or _why_no_scores(
        earlier, later, pairs
    )
    return Comparison(
        earlier=earlier.run_id,
        later=later.run_id,
        detectors=tuple(
            _compared(earlier, later, pair, None if unpaired else seed) for pair in pairs
        ),
        only_earlier=tuple(name for name in earlier.rows if name not in later.rows),
        only_later=tuple(name for name in later.rows if name not in earlier.rows),
        unpaired=unpaired,
        identical=not unpaired and _identical(earlier, later),
    )


def _compared(
    earlier: TrainingRecord, later: TrainingRecord, pair: tuple[str, str, str], seed: int | None
) -> DetectorComparison:
    """Compare a detector of each; without a seed there are no differences."""
    name, before, after = pair
    differences = () if seed is None else _differences(earlier, later, before, after, seed)
    # An earlier release may have kept scores, and not the figure.
    first = {each.metric: each.champion for each in differences}
    second = {each.metric: each.challenger for each in differences}
    return DetectorComparison(
        detector=name if name != "best" else f"best ({before}, then {after})",
        earlier=_figures(earlier.rows[before], first),
        later=_figures(later.rows[after], second),
        differences=differences,
    )


def _identical(earlier: TrainingRecord, later: TrainingRecord) -> bool:
    same_choice = earlier.best == later.best and earlier.rows.keys() == later.rows.keys()
    return same_choice and all(
        np.array_equal(earlier.scores[name].scores, later.scores[name].scores)
        and _threshold(earlier.rows[name]) == _threshold(later.rows[name])
        for name in later.rows
    )


def _figures(row: Mapping[str, Any], measured: Mapping[str, float]) -> dict[str, Any]:
    kept = dict.fromkeys((*COMPARED, *WHERE_KNOWN, *_BESIDE))
    known = {name: row[name] for name in kept if row.get(name) is not None}
    return {**kept, **{name: measured[name] for name in kept if name in measured}, **known}


def _why_no_scores(
    earlier: TrainingRecord, later: TrainingRecord, pairs: Sequence[tuple[str, str, str]]
) -> str:
    lost = [
        f"{name} of training {training.run_id}"
        for training, names in (
            (earlier, {before for _, before, _ in pairs}),
            (later, {after for _, _, after in pairs}),
        )
        for name in sorted(names)
        if name not in training.scores
    ]
    if lost:
        return f"the scores of {lost[0]} were not kept"
    labels = next(iter(later.scores.values())).labels if later.scores else None
    if labels is not None:
        _, attack = known_labels(labels, len(labels))
        if attack.all() or not attack.any():
            return "their test rows do not hold labelled rows of both classes"
    return ""


def _differences(
    earlier: TrainingRecord, later: TrainingRecord, before: str, after: str, seed: int
) -> tuple[Difference, ...]:
    old, new = earlier.scores[before], later.scores[after]
    draws = affordable_resamples(len(new.labels))
    alerts = (
        new.scores >= _threshold(later.rows[after]), old.scores >= _threshold(earlier.rows[before])
    )  # fmt: skip
    return (
        yardstick.paired_difference(new, old, resamples=draws, seed=seed),
        *paired_rankings(
            new.labels, new.scores, old.scores, metrics=get_args(Metric),
            clusters=new.clusters, resamples=draws, seed=seed,
        ),
        *paired_alerts(
            new.labels, *alerts, clusters=new.clusters, resamples=draws, seed=seed
        ),
        *filter(None, [paired_campaigns(new.labels, *alerts, new.campaign, seed=seed)]),
    )  # fmt: skip


def _threshold(row: Mapping[str, Any]) -> float:
    # A leaderboard writes an infinite threshold as none: JSON has no infinity.
    value = row.get("threshold")
    return np.inf if value is None else float(value)


def _ends(difference: Difference | None) -> dict[str, float | None]:
    if difference is None:
        return dict.fromkeys(("difference", "low", "high", "share_better"))
    return {
        "difference": difference.estimate,
        "low": difference.low,
        "high": difference.high,
        "share_better": difference.share_better,
    }
