"""Supervised baselines compared with the best detector: by how much labels help, and how surely.

Both scored the same test rows, and both sets of scores were kept when the rows were evaluated: the
comparison draws from those, and touches the rows no second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.evaluation.uncertainty.comparing import Difference, paired_rankings
from oddwire.evaluation.uncertainty.resampling import Metric, affordable_resamples
from oddwire.operations.markdown import figure
from oddwire.operations.training.baselines.fitting import BaselineReport
from oddwire.operations.training.results import DetectorReport
from oddwire.percent import percent

_COMPARED: tuple[Metric, ...] = ("roc_auc", "average_precision")
_FIGURES = ("roc_auc", "average_precision", "f1", "recall_at_fpr", "false_positive_rate")


@dataclass(frozen=True, kw_only=True, eq=False)
class BaselineComparison:
    """A baseline and the best detector on the same test rows.

    Parameters
    ----------
    differences
        Baseline minus detector in ROC AUC and average precision, with paired intervals. Empty where
        the test rows do not hold labelled rows of both classes.
    """

    baseline: BaselineReport
    best: DetectorReport
    differences: tuple[Difference, ...]


def compare_baselines(
    baselines: Sequence[BaselineReport], best: DetectorReport, *, seed: int
) -> tuple[BaselineComparison, ...]:
    """Compare each baseline with the best detector, by the scores that were kept of both."""
    without = best.scored
    return tuple(
        BaselineComparison(baseline=one, best=best, differences=_differences(one, without, seed))
        for one in baselines
    )


def _differences(
    baseline: BaselineReport, without: ScoredRows, seed: int
) -> tuple[Difference, ...]:
    if baseline.test.roc_auc is None:
        return ()
    return paired_rankings(
        without.labels, baseline.scores.scores, without.scores, metrics=_COMPARED,
        clusters=without.clusters, resamples=affordable_resamples(len(without.scores)), seed=seed,
    )  # fmt: skip


def baselines_table(compared: Sequence[BaselineComparison]) -> list[dict[str, Any]]:
    """Return a row per baseline: the leaderboard's metrics, and its lead over the best detector."""
    return [
        {
            "baseline": one.baseline.baseline, "balance": one.baseline.balance,
            **{name: getattr(one.baseline.test, name) for name in _FIGURES},
            "compared_with": one.best.detector, **_leads(one.differences),
            "fit_seconds": one.baseline.fit_seconds,
            "validation_average_precision": one.baseline.validation_average_precision,
        }
        for one in compared
    ]  # fmt: skip


def _leads(differences: Sequence[Difference]) -> dict[str, float | None]:
    # Named in full: roc_auc_low is elsewhere the end of the figure's own interval.
    leads: dict[str, float | None] = {}
    found = {each.metric: each for each in differences}
    for metric in _COMPARED:
        each = found.get(metric)
        leads[f"{metric}_difference"] = each.estimate if each else None
        leads[f"{metric}_difference_low"] = each.low if each else None
        leads[f"{metric}_difference_high"] = each.high if each else None
    return leads


def what_labels_add(compared: BaselineComparison) -> str:
    """Say by how much a baseline leads the best detector, and on which families.

    Returns
    -------
    str
        A sentence of plain text.
    """
    baseline, best = compared.baseline, compared.best
    sentence = (
        f"{baseline.baseline} with labels has ROC AUC {figure(baseline.test.roc_auc)}, "
        f"{best.detector} without them {figure(best.test.roc_auc)}"
    )
    if compared.differences:
        sentence += f": {_lead(compared.differences[0])}"
    return "; ".join([sentence, *_family_means(baseline, best)]) + "."


def _lead(difference: Difference) -> str:
    shown = "" if difference.low > 0 or difference.high < 0 else ", so none is shown"
    return (
        f"a difference of {difference.estimate:+.4f} ({percent(difference.confidence)} interval "
        f"{difference.low:+.4f} to {difference.high:+.4f}, paired on the same test rows{shown})"
    )


def _family_means(baseline: BaselineReport, best: DetectorReport) -> list[str]:
    """Set both side by side on families that labels named, and on the others."""
    without = {one.family: one.roc_auc for one in best.families}
    means_by_kind = []
    for seen, which in ((True, "that labels named"), (False, "that no label named")):
        pairs = [
            (one.roc_auc, without[one.family])
            for one in baseline.families
            if one.seen is seen and one.roc_auc is not None and without.get(one.family) is not None
        ]
        if pairs:
            means = np.mean(np.array(pairs, dtype=np.float64), axis=0)
            mean = f"mean over {len(pairs)} families {which}"
            means_by_kind.append(f"{mean}: {means[0]:.4f} and {means[1]:.4f}")
    return means_by_kind
