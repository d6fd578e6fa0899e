"""How a training ends: its leaderboard, and how it compares with the one before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from oddwire.errors import OddwireError
from oddwire.exploration.leaving_out import drop_line, read_suspects
from oddwire.operations.comparison.leaderboard import explain_choice, marked
from oddwire.operations.comparison.records import comparison_items, rows_items
from oddwire.operations.comparison.training_history import CHOICE, load_training
from oddwire.operations.comparison.trainings import (
    TrainingRecord,
    compare_trainings,
    fingerprint_rows,
)
from oddwire.operations.markdown import escaped_for_mlflow
from oddwire.operations.registry.promotion import PromotionDecision
from oddwire.operations.registry.versions import Registry, Version
from oddwire.operations.search.objective import in_words
from oddwire.operations.search.studies import close_study
from oddwire.operations.tracking.items import Tags
from oddwire.operations.tracking.store import NOTE, Tracking, dated
from oddwire.operations.training import records
from oddwire.operations.training.failing import failed_detectors
from oddwire.operations.training.page import leaderboard_markdown
from oddwire.operations.training.results import (
    EvaluatedDetector,
    Searched,
    Training,
    TrainingResult,
)


def finish_training(
    training: Training,
    searched: Sequence[Searched],
    evaluated: Sequence[EvaluatedDetector],
    best: EvaluatedDetector,
    versions: Mapping[str, Version],
    decision: PromotionDecision,
) -> TrainingResult:
    """Keep the leaderboard and close the studies: the next training begins new ones.

    A study whose detector could not be fitted in the end is closed too, or the next training would
    find it finished, and fail with the same hyperparameters.
    """
    reports = [each.report for each in evaluated]
    sentences = records.strengths(reports)
    tracking, run = training.tracking(), training.run_id
    version = versions[best.detector].number
    champion = Registry.of(tracking, training.project).number(training.source)
    unmarked = [
        records.leaderboard_row(each.report, each.searched.run_id, versions[each.detector].number)
        | {
            "strengths": sentences[each.detector],
            "validation": each.validation.value,
            "criterion": each.validation.criterion,
        }
        for each in evaluated
    ]
    rows = marked(unmarked, winner=best.detector, champion=champion)
    tracking.log(run, records.training_items(reports, best.report, best.validation))
    tracking.log(run, records.leaderboard_items(rows))
    compare_with_previous(training, evaluated, best, rows)
    explored = training.project.explored(training.source)
    if explored.is_dir():
        tracking.log_folder(run, explored, under="exploration")
    name = dated(records.training_name(best.report, version, decision, champion))
    result = TrainingResult(
        training.source, run, rows, version, best.detector, decision.promote, decision.reason,
        failed_detectors(training), champion=champion, choice=_choice(training, evaluated, best),
        name=name, link=tracking.run_link(run), compare_link=_compare_link(tracking, rows),
        shared_rows=_shared_rows(training),
        cut_campaigns=training.prepared.campaigns.sentence, **_leaks(training),
    )  # fmt: skip
    note = leaderboard_markdown(result, escaped_for_mlflow)
    tracking.log(run, [Tags({NOTE: note, CHOICE: result.choice})])
    tracking.rename(run, name)
    tracking.end(run)  # a training whose end MLflow was not told of is no finished one
    training.raise_if_lost()
    for each in searched:  # until here the same training, repeated, would go on with them
        close_study(each.study.name, training.plan(each.study.detector), training.project.studies)
    return result


def _shared_rows(training: Training) -> str:
    shared = training.prepared.shared_rows
    return shared.sentence if shared.remarkable else ""


def _leaks(training: Training) -> dict[str, Any]:
    """Return what may leak of a source whose columns can be left out."""
    settings = training.params.source(training.source)
    dropped: tuple[str, ...] | None = getattr(settings, "drop", None)
    if dropped is None:
        return {}
    suspects = read_suspects(training.project.explored(training.source))
    return {"suspects": suspects, "drop_line": drop_line(suspects, dropped)}


def _compare_link(tracking: Tracking, rows: Sequence[Mapping[str, Any]]) -> str:
    runs = [str(row["run_id"]) for row in rows]
    return tracking.compare_link(runs) if len(runs) > 1 else ""


def _choice(
    training: Training, evaluated: Sequence[EvaluatedDetector], best: EvaluatedDetector
) -> str:
    return explain_choice(
        best.detector,
        {each.detector: each.validation.value for each in evaluated},
        {each.detector: each.report.scored for each in evaluated},
        criterion=in_words(best.validation.criterion),
        later=training.prepared.description["split"].get("method") == "time",
        seed=training.params.seed,
    )


def compare_with_previous(
    training: Training,
    evaluated: Sequence[EvaluatedDetector],
    best: EvaluatedDetector,
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Record the test rows of a training, and a table that compares it with the previous one.

    Parameters
    ----------
    training
        The training, not finished yet; of those that are, the newest is the one before it.
    """
    tracking, run = training.tracking(), training.run_id
    fingerprint = fingerprint_rows(training.prepared.part("test"))
    tracking.log(run, rows_items(fingerprint))
    finished = tracking.finished_trainings(training.source, 1)
    if not finished:
        return
    this = TrainingRecord(
        run_id=run,
        name="",
        best=best.detector,
        rows={row["detector"]: row for row in rows},
        scores={each.detector: each.report.scored for each in evaluated},
        fingerprint=fingerprint,
    )
    try:
        previous = load_training(tracking, finished[0].info.run_id, training.workplace / "previous")
        comparison = compare_trainings(previous, this, seed=training.params.seed)
    except OddwireError as error:  # what is lost of an old training must not end a new one
        tracking.log(run, [Tags({"not_compared": str(error)})])
        return
    tracking.log(run, comparison_items(comparison))
