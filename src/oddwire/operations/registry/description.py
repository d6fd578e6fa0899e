"""What the MLflow page says of a version: what it is, how good, and why it is champion or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oddwire.evaluation.observed import INCIDENTS, UNITS
from oddwire.evaluation.target_lines import amount
from oddwire.operations.markdown import escaped_for_mlflow
from oddwire.traffic.wire_text import printable

# Figures in words, in the order in which they are read; also the metrics of the version's model.
HEADLINES = {
    "average_precision": "average precision",
    "roc_auc": "ROC AUC",
    "recall_at_fpr": "recall at the FPR of the alert p-value",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    INCIDENTS: "false incidents a day",
    UNITS: "benign units that raise an alert",
    "false_positive_rate": "test FPR",
}
_FALSE_ALARMS = {INCIDENTS, UNITS, "false_positive_rate"}
_DECISION = "\n\n**Decision:** "
_LONGEST = 5000  # characters that MLflow's table of versions takes
_LONGEST_REASON = 600  # six times as long once it is escaped


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a version is.

    Parameters
    ----------
    title
        The detector's, as people read it.
    trained_on, tested_on
        Rows and period, in words.
    figures
        On the test rows, by the names of metrics.
    experiment, training
        Ids of the experiment and of the training's run in it.
    """

    title: str
    source: str
    trained_on: str
    tested_on: str
    figures: Mapping[str, float | None]
    experiment: str
    training: str


def describe(facts: Facts) -> str:
    """Return the first paragraphs of a version's description, in Markdown."""
    figures = ", ".join(
        f"{words} {_shown(name, value)}"
        for name, words in HEADLINES.items()
        if (value := facts.figures.get(name)) is not None
    )
    # A link without a host holds wherever the page that shows it is served.
    link = f"#/experiments/{facts.experiment}/runs/{facts.training}"
    return (
        f"{facts.title} for source {facts.source}, trained on {facts.trained_on}.\n\n"
        f"On the test rows ({facts.tested_on}): {figures or 'no figures without labels'}.\n\n"
        f"[Training that made it]({link})"
    )


def _shown(name: str, value: float) -> str:
    return amount(name, value) if name in _FALSE_ALARMS else f"{value:.4f}"


def with_decision(description: str, sentence: str) -> str:
    """Return a description that ends with what was decided last; what stood before it stays."""
    what = description.partition(_DECISION)[0]
    # Reasons name attack families, which come from the wire and may be of any length.
    why = _DECISION + escaped_for_mlflow(printable(" ".join(sentence.split()), _LONGEST_REASON))
    return what[: _LONGEST - len(why)] + why
