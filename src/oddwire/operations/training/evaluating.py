"""How good a fitted model is on the test rows, and on those before them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from oddwire.detection.model import Model
from oddwire.evaluation.campaigns.evaluating import attack_campaigns, evaluate_campaigns
from oddwire.evaluation.families import attack_families, evaluate_families
from oddwire.evaluation.metrics import evaluate
from oddwire.evaluation.observed import (
    Observed,
    count_false_alarms,
    observe,
    target_of,
    worst_of_benign_units,
)
from oddwire.evaluation.plots.calibration import Levels
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.evaluation.target_lines import alerts_of_all
from oddwire.evaluation.without_labels.clustering import ClusteringIndices, evaluate_clustering
from oddwire.evaluation.without_labels.preference import preferred
from oddwire.operations.data.prepared import BEFORE_TEST, Prepared
from oddwire.operations.training.results import DetectorReport, EvaluatedDetector, Training
from oddwire.traffic.labels import attacks_of, labels_of
from oddwire.traffic.schema import CAMPAIGN

_MEGABYTE = 1e6
_TIMED_ROWS = 5000
_CLUSTERED_ROWS = 20_000


def evaluate_model(
    training: Training, model: Model, folder: Path, *, fit_seconds: float
) -> DetectorReport:
    """Evaluate a model on the test rows, and on those before them.

    Parameters
    ----------
    folder
        Where it was saved; the test scores are kept beside it.
    """
    prepared = training.prepared
    minutes = training.params.alerts.unit_minutes
    scored = score_test(model, prepared, minutes=minutes)
    scores_file = folder.with_suffix(".parquet")
    scored.save(scores_file)
    before = {"train": training.train} | {
        part: prepared.part(part) for part in BEFORE_TEST if part != "train"
    }
    counts = prepared.description["split"]
    limits = {"threshold": model.threshold, "alert_p_value": model.alert_p_value}
    return DetectorReport(
        detector=model.detector_name,
        test=evaluate(scored.labels, scored.scores, **limits),
        before_test=evaluate(
            np.concatenate([labels_of(rows) for rows in before.values()]),
            np.concatenate([model.anomaly_score(rows) for rows in before.values()]),
            **limits,
        ),
        families=evaluate_families(
            scored.labels, scored.scores, scored.attack,
            threshold=model.threshold, clusters=scored.clusters, seen=_seen_families(prepared),
        ),
        campaigns=evaluate_campaigns(
            scored.labels, scored.scores, scored.campaign, scored.attack,
            units=scored.units, threshold=model.threshold, before=_campaigns_before(prepared),
        ),
        scored=scored,
        scores_file=scores_file,
        rows_per_second=scoring_rate(model, training.train),
        fit_seconds=fit_seconds,
        megabytes=folder_megabytes(folder),
        calibration_rows=model.calibrated().scores.size,
        before_parts={
            part: _counts(rows) for part, rows in before.items()
        },
        dropped=counts["dropped"]["rows"] + training.left_out,
        threshold_rule=model.threshold_rule,
        observed=_observed(model, prepared, scored, minutes),
        alerts=_alerts(model, prepared, scored),
        verdicts=prepared.verdicts,
        unit_levels=_unit_levels(model, scored),
        clustering=_clustering(model, training.train),
    )  # fmt: skip


def score_test(model: Model, prepared: Prepared, *, minutes: float) -> ScoredRows:
    """Score the test rows, whose units are so long."""
    test = prepared.part("test")
    scores = model.score(test)
    return ScoredRows.of(
        test, scores["anomaly_score"].to_numpy(), scores["p_value"].to_numpy(),
        minutes=minutes,
    )  # fmt: skip


def _observed(
    model: Model, prepared: Prepared, scored: ScoredRows, minutes: float
) -> Observed | None:
    """Compare false alarms with the target, and their noise with that of the calibration rows."""
    found = count_false_alarms(scored, model.threshold, share_kept=prepared.share_kept)
    if found is None:
        return None
    rows = prepared.part("calibration")
    benign = np.zeros(len(rows))  # all of them made the threshold
    calibration = replace(
        ScoredRows.of(rows, model.anomaly_score(rows), minutes=minutes), labels=benign
    )
    return observe(
        found, target_of(model.threshold_rule),
        count_false_alarms(calibration, model.threshold, days=prepared.days("calibration")),
    )  # fmt: skip


def _alerts(model: Model, prepared: Prepared, scored: ScoredRows) -> str:
    """Say how many alerts the test rows raise, where no label tells which of them are false."""
    if (np.asarray(scored.labels, dtype=np.float64) == 0).any():
        return ""
    target = target_of(model.threshold_rule)
    return alerts_of_all(scored, model.threshold, target, share_kept=prepared.share_kept)


def _unit_levels(model: Model, scored: ScoredRows) -> Levels | None:
    """Return the p-values of the benign test units, each by its worst row."""
    worst = worst_of_benign_units(scored)
    if worst is None or model.unit_calibration is None:
        return None
    scores, clusters = worst
    p_values = model.unit_calibration.p_values
    return Levels(p_values(scores)[0], clusters, float(p_values([model.threshold])[0][0]))


def choose_best(evaluated: list[EvaluatedDetector]) -> EvaluatedDetector:
    """Choose by the validation rows, never by the test rows.

    Where these cannot tell, by a fixed order.
    """
    measured = {each.detector: each.validation.value for each in evaluated if each.validation}
    names = [each.detector for each in evaluated]
    best = max(measured, key=lambda name: measured[name]) if measured else preferred(names)
    return next(each for each in evaluated if each.detector == best)


def _counts(rows: pd.DataFrame) -> dict[str, int]:
    return {"rows": len(rows), "attacks": int((labels_of(rows) == 1).sum())}


def _clustering(model: Model, train: pd.DataFrame) -> ClusteringIndices | None:
    """Measure the groups of the training rows, which need no label."""
    if not hasattr(model.detector, "assign_clusters"):
        return None
    few = train.sample(min(len(train), _CLUSTERED_ROWS), random_state=model.seed)
    matrix = model.preprocessing.transform(few[list(model.schema.columns)])
    return evaluate_clustering(model.detector, matrix, seed=model.seed)


def _seen_families(prepared: Prepared) -> frozenset[str] | None:
    """Return the attack families of the validation part, None where it has no label."""
    validation = prepared.part("validation")
    labels = labels_of(validation)
    if np.isnan(labels).all():
        return None
    return attack_families(labels, attacks_of(validation))


def _campaigns_before(prepared: Prepared) -> frozenset[str]:
    """Return the campaigns that have rows before the test part, where any is in it too."""
    if not prepared.campaigns.cut:
        return frozenset()
    parts = [prepared.part(name) for name in BEFORE_TEST]
    return frozenset().union(*(
        attack_campaigns(labels_of(rows), rows[CAMPAIGN]) for rows in parts
    ))  # fmt: skip


def scoring_rate(model: Model, rows: pd.DataFrame) -> float:
    """Return rows scored per second, p-values included: the best of three runs.

    Few rows are repeated, since the fixed cost of a call says nothing about a row.
    """
    enough = np.resize(np.arange(len(rows)), _TIMED_ROWS)
    timed = rows.iloc[enough].reset_index(drop=True)
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        model.score(timed)
        seconds.append(time.perf_counter() - begun)
    return len(timed) / min(seconds)


def folder_megabytes(folder: Path) -> float:
    """Return the size of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / _MEGABYTE
