"""The step of a training that says what labels would add."""

from __future__ import annotations

from oddwire.errors import DataError
from oddwire.operations.tracking.items import Tags
from oddwire.operations.training.baselines.comparison import compare_baselines, what_labels_add
from oddwire.operations.training.baselines.fitting import evaluate_baselines
from oddwire.operations.training.baselines.records import baseline_items
from oddwire.operations.training.results import EvaluatedDetector, Training


def evaluate_supervised_baselines(training: Training, best: EvaluatedDetector) -> tuple[str, ...]:
    """Evaluate supervised baselines and keep them in a run of their own below the training's.

    Returns
    -------
    tuple of str
        A sentence per baseline: what labels add to the best detector. One on why not, where they
        cannot be evaluated.
    """
    tracking, seed = training.tracking(), training.params.seed
    with tracking.run(
        training.source, "What labels add", kind="supervised_baselines", parent=training.run_id
    ) as run:
        try:
            # As many rows as raise an alert of the best detector, whatever its target counts.
            found = evaluate_baselines(
                training.prepared, seed=seed, share_of_rows=best.report.test.alert_p_value,
                minutes=training.params.alerts.unit_minutes,
            )  # fmt: skip
        except DataError as error:  # a comparison is no reason to lose a training
            tracking.log(run, [Tags({"not_evaluated": str(error)})])
            return (str(error),)
        compared = compare_baselines(found, best.report, seed=seed)
        tracking.log(run, baseline_items(compared))
    return tuple(what_labels_add(each) for each in compared)
