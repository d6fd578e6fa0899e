"""What is kept in MLflow of a study and its trials."""

from __future__ import annotations

from collections.abc import Iterator

from oddwire.evaluation.plots import curves
from oddwire.operations.search.objective import in_words
from oddwire.operations.search.plans import StudyResult, TrialRecord
from oddwire.operations.tracking.items import Figure, Item, Metrics, Parameters, Tags


def trial_items(trial: TrialRecord, criterion: str) -> Iterator[Item]:
    """Yield one trial."""
    yield Parameters(dict(trial.parameters))
    figures = {"average_precision": trial.average_precision, criterion: trial.value}
    yield Metrics({**figures, "seconds": trial.seconds})
    yield Tags({"trial_state": trial.state})
    if trial.error:
        yield Tags({"error": trial.error})


def study_items(study: StudyResult) -> Iterator[Item]:
    """Yield what a study found and how it got there."""
    yield Parameters(dict(study.parameters))
    states = [trial.state for trial in study.trials]
    yield Tags({"detector": study.detector, "criterion": study.criterion, "study": study.name})
    yield Tags({"choice": study.choice})
    yield Metrics({f"validation_{study.criterion}": study.value})
    yield Metrics({
        "trials_complete": states.count("complete"),
        "trials_pruned": states.count("pruned"),
        "trials_failed": states.count("failed"),
        "trials_resumed": study.resumed_trials,
        "search_seconds": sum(trial.seconds for trial in study.trials),
    })  # fmt: skip
    if study.trials:
        values = [trial.value for trial in study.trials]
        yield Figure(
            "plots/optimisation_history.png",
            curves.optimisation_history_figure(
                values,
                chosen=study.value,
                objective=f"{in_words(study.criterion)} on validation",
                title=f"{study.detector}: hyperparameter search",
            ),
        )
