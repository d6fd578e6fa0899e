"""The text reports say what was found, how sure that is, and whether the target FPR was kept."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from oddwire.evaluation.metrics import NO_LABEL, evaluate
from oddwire.evaluation.observed import count_false_alarms, observe
from oddwire.evaluation.reports import (
    classification_report,
    evaluation_report,
    parts_report,
    threshold_line,
)
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.evaluation.uncertainty.intervals import bootstrap_intervals


def evaluated(alerts=5, attacks=10):
    """Evaluate 200 benign rows, of which some are alerts, and attacks that all are."""
    labels, scores = np.repeat([0, 1], [200, attacks]), np.repeat([0.0, 1.0], [200, attacks])
    scores[:alerts] = 1
    evaluation = evaluate(labels, scores, threshold=0.5, alert_p_value=0.01)
    return evaluation, bootstrap_intervals(labels, scores, evaluation, resamples=50)


def test_a_report_counts_what_was_found_and_missed():
    evaluation, intervals = evaluated()
    text = evaluation_report("the forest on the test rows", evaluation, intervals)
    first, *lines = text.splitlines()
    at = lines.index("confusion matrix")
    assert first == "the forest on the test rows: 210 rows, 10 of them attacks"
    numbers = [[int(word) for word in line.split() if word.isdecimal()] for line in lines]
    assert numbers[at + 1 : at + 3] == [[195, 5], [0, 10]]
    assert classification_report(evaluation.confusion).rstrip() in text
    low, high = intervals.bounds["roc_auc"]
    assert f"{evaluation.roc_auc:.4f}   {low:.4f} to {high:.4f}" in text
    assert "0.1 % of 200 benign rows is less than one row" in text


def test_figures_that_are_undefined_have_their_reason():
    text = evaluation_report("x", evaluated(attacks=0)[0])
    assert "roc_auc              undefined: no attack" in text


def test_rows_without_labels_have_no_table_of_zeros():
    unknown = evaluate(None, np.arange(20.0), threshold=15, alert_p_value=0.01)
    text = evaluation_report("x", unknown)
    assert NO_LABEL in text
    assert "threshold 15 (an alert from this score on)" in text
    assert "confusion" not in text
    assert "undefined" not in text


def test_false_alarms_against_the_target_stand_below_the_threshold():
    evaluation, intervals = evaluated()
    labels, scores = np.repeat([0, 1], [200, 10]), np.repeat([1.0, 0.0, 1.0], [5, 195, 10])
    rows = ScoredRows(labels, scores, np.full(210, None, dtype=object))
    seen = observe(count_false_alarms(rows, 0.5), {"share_of_rows": 0.025})
    text = evaluation_report("x", evaluation, intervals, observed=seen)
    assert "is consistent" not in text
    assert text.splitlines()[-1] == (
        "2.5 % of benign rows (0.818 % to 5.75 %) are consistent with the target of 2.5 %"
    )
    assert "false alarms" not in evaluation_report("x", evaluation, intervals)


def test_it_is_told_what_the_intervals_were_drawn_by():
    evaluation, intervals = evaluated()
    assert "(50 bootstrap resamples of rows)" in evaluation_report("x", evaluation, intervals)
    clustered = replace(intervals, clusters=12)
    assert "resamples of 12 clusters)" in evaluation_report("x", evaluation, clustered)


def test_the_rows_before_the_test_are_listed_by_part():
    parts = {
        "train": {"rows": 50, "attacks": 0}, "calibration": {"rows": 20},
        "validation": {"rows": 30, "attacks": 7},
    }  # fmt: skip
    text = parts_report(parts, dropped=4)
    lines = {line.split()[0]: line for line in text.splitlines() if " rows, " in line}
    assert set(lines) == set(parts)
    assert " 0 of them attacks; the detector was fitted" in lines["train"]
    assert " 7 of them attacks" in lines["validation"]
    assert "All attacks among them are validation rows.\n4 more rows are in no part" in text
    both = parts_report({name: {"rows": 5, "attacks": 1} for name in ("train", "validation")})
    assert "All attacks" not in both
    assert "more rows" not in both


def test_the_threshold_is_told_with_its_rule_and_inputs():
    rule = {
        "rule": "best_f1", "alert_p_value": 0.0123456, "target_fpr": None, "attacks": 300,
    }  # fmt: skip
    assert threshold_line(rule) == (
        "threshold set by the rule best_f1: alert p-value 0.01235, attacks 300\n"
    )
    assert threshold_line({}) == ""
    told = threshold_line({
        "rule": "target", "alert_p_value": 0.008, "target": {"false_incidents_per_day": 30.0},
        "calibration_alarms": 58, "shortfall": None,
        "noisiest": [{"source": "10.0.0.7", "alarms": 40, "share": 0.7}],
    })  # fmt: skip
    first, second, _ = told.split("\n")
    assert first == (
        "threshold set by the rule target: target 30 false incidents a day, alert p-value 0.008, "
        "calibration alarms 58"
    )
    assert "10.0.0.7" in second


def test_a_threshold_that_nothing_reaches_is_shown():
    evaluation = evaluate([0, 1], [1.0, 2.0], threshold=math.inf, alert_p_value=0.01)
    assert "threshold inf" in evaluation_report("x", evaluation)
