"""By how much labels help is told with an interval, of the scores that were kept of both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oddwire.evaluation.metrics import evaluate
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.evaluation.uncertainty.comparing import paired_rankings
from oddwire.evaluation.uncertainty.resampling import affordable_resamples
from oddwire.operations.data.prepared import Prepared
from oddwire.operations.training.baselines.comparison import (
    baselines_table,
    compare_baselines,
    what_labels_add,
)
from oddwire.operations.training.baselines.fitting import evaluate_baselines


@pytest.fixture(scope="module")
def tree(desk):
    """A decision tree, evaluated on the desk's test rows."""
    prepared = Prepared(desk.project.prepared("desk"))
    return evaluate_baselines(prepared, seed=0, share_of_rows=0.05, names=["decision_tree"])[0]


def saying(baseline, labels, scores):
    """Return a baseline that gave other scores."""
    said = ScoredRows(labels, scores, baseline.scores.attack)
    evaluated = evaluate(labels, scores, threshold=np.inf, alert_p_value=0.05)
    return replace(baseline, scores=said, test=evaluated)


@pytest.fixture
def without(report):
    """What the detector said of the test rows."""
    return report.scored


def test_the_lead_is_the_paired_difference_on_the_test_rows(tree, report, without):
    (beside,) = compare_baselines([tree], report, seed=3)
    (row,) = baselines_table([beside])
    told = what_labels_add(beside)
    assert row["compared_with"] == "isolation_forest"
    for metric in ("roc_auc", "average_precision"):
        (expected,) = paired_rankings(
            without.labels, tree.scores.scores, without.scores, metrics=(metric,), seed=3,
            resamples=affordable_resamples(len(without.scores)),
        )  # fmt: skip
        assert expected.estimate == pytest.approx(
            getattr(tree.test, metric) - getattr(report.test, metric)
        )
        lead = (row[f"{metric}_difference{end}"] for end in ("", "_low", "_high"))
        assert tuple(lead) == (expected.estimate, expected.low, expected.high)
        if metric == "roc_auc":
            span = f"95 % interval {expected.low:+.4f} to {expected.high:+.4f}"
            assert f"a difference of {expected.estimate:+.4f} ({span}, paired" in told


def test_a_lead_that_chance_explains_is_called_none(tree, report, without):
    (same,) = compare_baselines([saying(tree, without.labels, without.scores)], report, seed=0)
    assert "+0.0000 (95 % interval +0.0000 to +0.0000" in what_labels_add(same)
    assert "so none is shown)" in what_labels_add(same)
    # Beside a baseline that is never wrong, and one that always is, the sign says who leads.
    for sign in (1, -1):
        baseline = saying(tree, without.labels, sign * without.labels)
        (clear,) = compare_baselines([baseline], report, seed=0)
        assert clear.differences[0].estimate * sign > 0
        assert "so none is shown" not in what_labels_add(clear)


def test_where_no_test_row_is_an_attack_no_difference_is_told(tree, report, without):
    benign = np.zeros_like(without.labels)
    best = replace(
        report, scored=replace(without, labels=benign),
        test=evaluate(benign, without.scores, threshold=np.inf, alert_p_value=0.05),
    )  # fmt: skip
    (beside,) = compare_baselines([saying(tree, benign, tree.scores.scores)], best, seed=0)
    assert "ROC AUC undefined, isolation_forest without them undefined" in what_labels_add(beside)
    assert "difference" not in what_labels_add(beside)
    (row,) = baselines_table([beside])
    assert row["roc_auc_difference"] is row["roc_auc_difference_low"] is None


def test_the_table_is_none_of_the_leaderboard(tree, report):
    (row,) = baselines_table(compare_baselines([tree], report, seed=0))
    assert row["baseline"] == "decision_tree"
    assert "detector" not in row
