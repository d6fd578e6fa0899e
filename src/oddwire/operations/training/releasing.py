"""From evaluated detectors to registered versions, of which one may become champion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from oddwire.detection.model import Model
from oddwire.errors import ModelError
from oddwire.operations.progress import progress, step
from oddwire.operations.registry.promotion import Candidate, PromotionDecision, decide
from oddwire.operations.registry.versions import Registry, Version
from oddwire.operations.training import records
from oddwire.operations.training.fitting import (
    DetectorReport,
    FittedModel,
    TestScores,
    evaluate_model,
)
from oddwire.operations.training.results import EvaluatedDetector, Training
from oddwire.traffic.schema import LABEL, TIME

REFERENCE_FILE = "reference.parquet"
_REFERENCE_ROWS = 20_000
_EXAMPLE_ROWS = 50


def register_all(
    training: Training, evaluated: Sequence[EvaluatedDetector], best: EvaluatedDetector
) -> dict[str, Version]:
    """Register every detector's model, the best one as the challenger.

    Returns
    -------
    dict
        The version of each detector.
    """
    registry = Registry.of(training.tracking(), training.project)
    example = training.prepared.part("train").head(_EXAMPLE_ROWS)
    versions = {}
    with step("register", len(evaluated)):
        for one in evaluated:
            versions[one.detector] = registry.register(
                training.source, one.searched.run_id, one.fitted, example, challenger=one is best
            )
            progress().advance("register", one.detector)
        keep_reference(training, best, versions[best.detector])
    return versions


def keep_reference(training: Training, evaluated: EvaluatedDetector, version: Version) -> None:
    """Keep benign rows that the model was not fitted to, with their scores, for the drift check."""
    parts = [training.prepared.part(name) for name in ("calibration", "validation")]
    rows = pd.concat(parts, ignore_index=True)
    if LABEL in rows:
        rows = rows[rows[LABEL].fillna(0) == 0]
    if TIME in rows:
        rows = rows.sort_values(TIME, kind="stable")
    # Whole stretches of time are kept rather than single rows: drift is evaluated against them.
    rows = rows.tail(_REFERENCE_ROWS).reset_index(drop=True)
    model = Model.load(evaluated.fitted.folder, digest=evaluated.fitted.digest)
    rows = rows.assign(anomaly_score=model.anomaly_score(rows))
    folder = training.workplace / f"reference-{version.number}"
    folder.mkdir(parents=True)
    rows.to_parquet(folder / REFERENCE_FILE)
    training.tracking().log_folder(version.run_id, folder, under="reference")


def settle_promotion(
    training: Training, best: EvaluatedDetector, version: Version, *, promote: bool
) -> PromotionDecision:
    """Decide whether the challenger becomes champion, and carry it out."""
    registry = Registry.of(training.tracking(), training.project)
    with step("promote"):
        if promote:
            champion, no_champion = _champion(training, registry)
            decision = decide(
                _candidate(best.report, version), champion, training.params.promotion,
                seed=training.params.seed, no_champion=no_champion,
            )  # fmt: skip
        else:
            reason = "promotion was switched off for this training"
            decision = PromotionDecision(promote=False, reason=reason, checks=())
        registry.settle(version, decision)
        training.tracking().log(training.run_id, records.promotion_items(decision, version.number))
    return decision


def _candidate(report: DetectorReport, version: Version) -> Candidate:
    rows = TestScores.load(report.scores_file)
    return Candidate(
        name=f"version {version.number} ({version.detector})",
        labels=rows.labels,
        scores=rows.scores,
        threshold=report.test.threshold,
        families=rows.attack,
        milliseconds_per_row=1000 / report.rows_per_second,
        megabytes=report.megabytes,
    )


def _champion(training: Training, registry: Registry) -> tuple[Candidate | None, str]:
    """Judge the champion on the same test rows, or say why there is no baseline."""
    version = registry.version(training.source)
    if version is None:
        return None, "is the first model"
    try:
        with registry.files(version) as folder:
            model = Model.load(folder, digest=version.digest)
            if model.schema != training.prepared.schema:
                return (
                    None,
                    f"has no champion to beat (version {version.number} was made for other columns)",
                )
            fitted = FittedModel(version.detector, folder, version.digest, np.nan, {})
            keep = training.workplace / "champion.parquet"
            return _candidate(evaluate_model(training.prepared, fitted, keep=keep), version), ""
    except ModelError as error:
        return None, f"has no champion to beat (version {version.number} cannot be used: {error})"
