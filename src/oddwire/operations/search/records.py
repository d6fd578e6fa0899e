"""What is kept in MLflow of a study and its trials."""

from __future__ import annotations

from collections.abc import Iterator

from oddwire.evaluation.plots import curves
from oddwire.operations.search.objective import in_words
from oddwire.operations.search.plans import StudyResult, TrialRecord
from oddwire.operations.tracking.items import (
    Figure,
    Item,
    Metrics,
    Parameters,
    Tags,
    Text,
    as_json,
)


def trial_name(trial: TrialRecord) -> str:
    """Return the name of a trial's run: its number, and its value or why it has none."""
    value = "" if trial.value is None else f" {trial.value:.4f}"
    state = "" if trial.state == "complete" else f" {trial.state}"
    return f"trial {trial.number:03d}{value}{state}"


def trial_items(trial: TrialRecord, criterion: str) -> Iterator[Item]:
    """Yield one trial."""
    yield Parameters(dict(trial.parameters))
    # What was searched by is the first: MLflow's page compares runs by the first metric.
    figures = {criterion: trial.value, "average_precision": trial.average_precision}
    yield Metrics({**figures, "seconds": trial.seconds})
    yield Tags({"trial_state": trial.state})
    if trial.error:
        yield Tags({"error": trial.error})


def found_items(study: StudyResult) -> Iterator[Item]:
    """Yield what the search found the hyperparameters to be worth on validation rows."""
    if study.criterion is not None:
        yield Metrics({f"validation_{study.criterion}": study.value})


def study_items(study: StudyResult) -> Iterator[Item]:
    """Yield what a study found and how it got there."""
    # The detector too: where those of a training are compared, few other names are in all of them.
    yield Parameters({"detector": study.detector, **study.parameters})
    states = [trial.state for trial in study.trials]
    yield Tags({"detector": study.detector, "study": study.name})
    if study.criterion is not None:
        yield Tags({"criterion": study.criterion})
    yield Tags({"choice": study.choice})
    yield Text("search.json", as_json({
        "trials": {state: states.count(state) for state in ("complete", "pruned", "failed")},
        "resumed": study.resumed_trials,
        "seconds": sum(trial.seconds for trial in study.trials),
    }))  # fmt: skip
    if study.trials and study.criterion is not None:
        criterion = in_words(study.criterion)
        values = [trial.value for trial in study.trials]
        yield Figure(
            "plots/optimisation_history.png",
            lambda: curves.optimisation_history_figure(
                values,
                chosen=study.value,
                objective=f"{criterion} on validation",
                title=f"{study.detector}: hyperparameter search",
            ),
        )
