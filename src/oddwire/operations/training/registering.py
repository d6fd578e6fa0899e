"""From evaluated detectors to registered versions, of which one may become champion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from oddwire.detection.detectors import DETECTORS
from oddwire.detection.model import Model
from oddwire.errors import ModelError
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.evaluation.without_labels.preference import explain_preference
from oddwire.operations.progress import progress, step
from oddwire.operations.registry import reference
from oddwire.operations.registry.description import Facts, describe, with_decision
from oddwire.operations.registry.moving import one_move_at_a_time, settle
from oddwire.operations.registry.promotion import Candidate, Check, PromotionDecision, decide
from oddwire.operations.registry.records import promotion_items
from oddwire.operations.registry.versions import Registry, Version
from oddwire.operations.search.objective import in_words
from oddwire.operations.tracking.items import Tags
from oddwire.operations.training.evaluating import score_test
from oddwire.operations.training.results import EvaluatedDetector, Training
from oddwire.traffic.labels import labels_of
from oddwire.traffic.schema import known_at

_EXAMPLE_ROWS = 50


def register_all(
    training: Training, evaluated: Sequence[EvaluatedDetector], best: EvaluatedDetector
) -> dict[str, Version]:
    """Register every detector's model, the best one as the challenger.

    A model that is registered already, to the last bit, gets no second version.

    Returns
    -------
    dict
        The version of each detector.
    """
    registry = Registry.of(training.tracking(), training.project)
    prepared = training.prepared
    held_out = pd.concat(
        [prepared.part(name) for name in ("calibration", "validation")], ignore_index=True
    )
    versions = {}
    with step("register", len(evaluated)):
        for each in evaluated:
            model = Model.load(each.folder, digest=each.digest)
            version = _registered(training, registry, each, model, best)
            # Whichever of them is champion one day: its drift is measured against these rows.
            reference.keep(registry.tracking, version, model, held_out, prepared.part("train"))
            if each is best:
                run = each.searched.run_id
                registry.link(version, training.run_id, model, measured_in=run)
            versions[each.detector] = version
            progress().advance("register", each.detector)
    return versions


def _registered(
    training: Training,
    registry: Registry,
    each: EvaluatedDetector,
    model: Model,
    best: EvaluatedDetector,
) -> Version:
    known = registry.same_model(training.source, each.digest)
    run = each.searched.run_id
    if known is None:
        return registry.register(
            training.source, run, model, each.folder, each.digest,
            training.prepared.part("train").head(_EXAMPLE_ROWS),
            challenger=each is best, description=_described(training, each, best),
        )  # fmt: skip
    registry.link(known, run, model, measured_in=run)
    registry.tracking.log(run, [Tags({"same_model_as_version": known.number})])
    if each is best and registry.number(training.source) != known.number:
        registry.challenge(known)
    return known


def settle_promotion(
    training: Training, best: EvaluatedDetector, version: Version, *, promote: bool
) -> PromotionDecision:
    """Decide whether the challenger becomes champion, and carry it out."""
    tracking = training.tracking()
    registry = Registry.of(tracking, training.project)
    with step("promote"), one_move_at_a_time(training.project, training.source):
        decision = _decide(training, registry, best, version, promote=promote)
        flow_run = tracking.client.get_run(training.run_id).data.tags["flow_run"]
        settle(registry, version, decision, who=flow_run)
        tracking.log(training.run_id, promotion_items(decision, version.number))
    return decision


def _decide(
    training: Training,
    registry: Registry,
    best: EvaluatedDetector,
    version: Version,
    *,
    promote: bool,
) -> PromotionDecision:
    if not promote:
        reason = "promotion was switched off for this training"
        return PromotionDecision(promote=False, reason=reason, checks=())
    if registry.number(training.source) == version.number:
        note = f"same model, to the last bit, as version {version.number}, which is champion"
        another = Check(name="another_model", passed=False, figure=None, limit=None, note=note)
        return PromotionDecision(promote=False, reason=f"Kept: {note}", checks=(another,))
    champion, no_champion = _champion(training, registry)
    report = best.report
    challenger = _candidate(
        version, report.scored, report.test.threshold,
        milliseconds_per_row=1000 / report.rows_per_second, megabytes=report.megabytes,
    )  # fmt: skip
    decision = decide(
        challenger, champion, training.params.promotion,
        seed=training.params.seed, no_champion=no_champion, shared=training.prepared.shared_rows,
    )  # fmt: skip
    if version.run_id == best.searched.run_id:
        return decision
    again = f"same model, to the last bit, as version {version.number} of an earlier training"
    return replace(decision, reason=f"{decision.reason} ({again})")


def _candidate(version: Version, rows: ScoredRows, threshold: float, **costs: float) -> Candidate:
    return Candidate(
        name=f"version {version.number} ({version.detector})",
        labels=rows.labels,
        scores=rows.scores,
        threshold=threshold,
        families=rows.attack,
        units=rows.units,
        campaign=rows.campaign,
        **costs,
    )


def _champion(training: Training, registry: Registry) -> tuple[Candidate | None, str]:
    """Score the same test rows with the champion, or say why there is none to compare with."""
    number = registry.number(training.source)
    if number is None:
        return None, "is the first model"
    try:
        version, model = registry.load_champion(training.source)
        if model.schema == training.prepared.schema:
            # Both by the same units, whatever the champion was calibrated in.
            minutes = training.params.alerts.unit_minutes
            rows = score_test(model, training.prepared, minutes=minutes)
            return _candidate(version, rows, model.threshold), ""
        reason = "was made for other columns"
    except ModelError as error:
        reason = f"cannot be used: {error}"
    return None, f"has no champion to beat (version {number} {reason})"


def _described(training: Training, each: EvaluatedDetector, best: EvaluatedDetector) -> str:
    """Return the description of a detector's version, before its promotion is decided."""
    facts = Facts(
        title=DETECTORS[each.detector].title,
        source=training.source,
        trained_on=_rows_in_words(training.train),
        tested_on=_rows_in_words(training.prepared.part("test")),
        figures=each.report.test.figures,
        experiment=training.tracking().experiment(training.source),
        training=training.run_id,
    )
    if each is best:
        return describe(facts)
    return with_decision(describe(facts), f"Not proposed: {_behind(each, best)}")


def _behind(each: EvaluatedDetector, best: EvaluatedDetector) -> str:
    mine, theirs = each.validation, best.validation
    if mine is None or theirs is None:
        return explain_preference(best.detector, several=True)
    return (
        f"on the validation rows {best.detector} has {theirs.value:.4f}, and this one "
        f"{mine.value:.4f} ({in_words(theirs.criterion)})"
    )


def _rows_in_words(rows: pd.DataFrame) -> str:
    """Return how many rows there are, of which labels, and from when to when."""
    labels = labels_of(rows)
    attacks = int((labels == 1).sum())
    if (labels == 0).all():
        count = f"{len(rows):,} benign rows"
    else:
        count = f"{len(rows):,} rows" + (f", {attacks:,} of them attacks" if attacks else "")
    time = known_at(rows)
    times = pd.Series() if time is None else rows[time].dropna()
    if times.empty:
        return count
    return f"{count}, {times.min():%Y-%m-%d %H:%M} to {times.max():%Y-%m-%d %H:%M} UTC"
