"""From evaluated detectors to registered versions, of which one may become champion."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from oddwire.detection.model import Model
from oddwire.errors import ModelError
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.operations.progress import progress, step
from oddwire.operations.registry import reference
from oddwire.operations.registry.promotion import Candidate, PromotionDecision, decide
from oddwire.operations.registry.records import promotion_items
from oddwire.operations.registry.versions import Registry, Version
from oddwire.operations.training.evaluating import score_test
from oddwire.operations.training.results import EvaluatedDetector, Training

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
    tracking = training.tracking()
    registry = Registry.of(tracking, training.project)
    prepared = training.prepared
    example = prepared.part("train").head(_EXAMPLE_ROWS)
    versions = {}
    with step("register", len(evaluated)):
        for each in evaluated:
            model = Model.load(each.folder, digest=each.digest)
            version = registry.register(
                training.source, each.searched.run_id, model, each.folder, each.digest, example,
                challenger=each is best,
            )  # fmt: skip
            versions[each.detector] = version
            if each is best:
                held_out = [prepared.part(name) for name in ("calibration", "validation")]
                reference.keep(
                    tracking, version, model,
                    pd.concat(held_out, ignore_index=True), prepared.part("train"),
                )  # fmt: skip
            progress().advance("register", each.detector)
    return versions


def settle_promotion(
    training: Training, best: EvaluatedDetector, version: Version, *, promote: bool
) -> PromotionDecision:
    """Decide whether the challenger becomes champion, and carry it out."""
    tracking = training.tracking()
    registry = Registry.of(tracking, training.project)
    with step("promote"):
        if promote:
            champion, no_champion = _champion(training, registry)
            report = best.report
            challenger = _candidate(
                version, report.scored, report.test.threshold,
                milliseconds_per_row=1000 / report.rows_per_second, megabytes=report.megabytes,
            )  # fmt: skip
            decision = decide(
                challenger, champion, training.params.promotion,
                seed=training.params.seed, no_champion=no_champion,
            )  # fmt: skip
        else:
            reason = "promotion was switched off for this training"
            decision = PromotionDecision(promote=False, reason=reason, checks=())
        registry.settle(version, decision)
        tracking.log(training.run_id, promotion_items(decision, version.number))
    return decision


def _candidate(version: Version, rows: ScoredRows, threshold: float, **costs: float) -> Candidate:
    return Candidate(
        name=f"version {version.number} ({version.detector})",
        labels=rows.labels,
        scores=rows.scores,
        threshold=threshold,
        families=rows.attack,
        **costs,
    )


def _champion(training: Training, registry: Registry) -> tuple[Candidate | None, str]:
    """Score the same test rows with the champion, or say why there is none to compare with."""
    version = registry.version(training.source)
    if version is None:
        return None, "is the first model"
    try:
        model = registry.load(version)
        if model.schema == training.prepared.schema:
            rows = score_test(model, training.prepared)
            return _candidate(version, rows, model.threshold), ""
        reason = "was made for other columns"
    except ModelError as error:
        reason = f"cannot be used: {error}"
    return None, f"has no champion to beat (version {version.number} {reason})"
