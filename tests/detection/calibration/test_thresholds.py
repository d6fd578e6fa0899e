"""A threshold's rule keeps its target FPR, from held-out rows alone, and is one p-value."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oddwire.detection.calibration.threshold_rules import (
    check_labels,
    choose_threshold,
    target_fpr_of,
)

from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.detection.calibration.tail import tail_quantile
from oddwire.detection.calibration.thresholds import by_best_f1, by_precision, by_tail
from oddwire.errors import ParameterError
from oddwire.params import AlertSettings

LAWS = {
    "exponential": (lambda r, n: r.exponential(size=n), lambda z: math.exp(-z)),
    "normal": (lambda r, n: r.normal(size=n), lambda z: math.erfc(z / math.sqrt(2)) / 2),
    "pareto": (lambda r, n: r.pareto(3, size=n), lambda z: (1 + z) ** -3),
}


def calibration(n=999, seed=0):
    return ConformalCalibration.fit(np.random.default_rng(seed).exponential(size=n))


def labelled(attacks=300, benign=700, seed=1):
    random = np.random.default_rng(seed)
    scores = np.concatenate([random.exponential(size=benign), random.exponential(4, size=attacks)])
    return np.repeat([0.0, 1.0], [benign, attacks]), scores


def unasked():
    pytest.fail("no rule of benign rows may ask for labels")


def figures(labels, alert, attack_share=None):
    """Precision, recall and F1, the rows weighted to a share of attacks."""
    weight = np.ones(len(labels))
    if attack_share is not None:
        weight = np.where(labels == 1, attack_share / (labels == 1).sum(),
                          (1 - attack_share) / (labels == 0).sum())  # fmt: skip
    hits = weight[(labels == 1) & alert].sum()
    precision, recall = hits / weight[alert].sum(), hits / weight[labels == 1].sum()
    return precision, recall, 2 * precision * recall / (precision + recall)


# --- from benign rows alone ---


def test_the_target_fpr_is_the_settings_or_alerts_over_connections_per_day():
    assert target_fpr_of(AlertSettings(target_fpr=0.02), None) == 0.02
    assert target_fpr_of(AlertSettings(rule="tail", target_fpr=0.02), 1000.0) == 0.02
    per_day = AlertSettings(target_fpr=0.02, alerts_per_day=5)
    assert target_fpr_of(per_day, 1000.0) == pytest.approx(0.005)
    with pytest.raises(ParameterError, match=r"alerts\.alerts_per_day needs a source with times"):
        target_fpr_of(per_day, None)
    for rule in ("best_f1", "precision"):
        assert target_fpr_of(AlertSettings(rule=rule), 1000.0) is None


@pytest.mark.parametrize(("alerts", "connections"), [(100, 100), (101, 100), (1e-10, 1e6)])
def test_alerts_per_day_that_make_no_rate_are_refused(alerts, connections):
    message = f"below the {connections:g} connections per day, .* got {alerts:g}"
    with pytest.raises(ParameterError, match=re.escape(message).replace(r"\.\*", ".*")):
        target_fpr_of(AlertSettings(alerts_per_day=alerts), connections)


@pytest.mark.parametrize(
    ("settings", "outcome"),
    [
        ({"target_fpr": 0.03}, {"rule": "fpr", "alert_p_value": 0.03, "target_fpr": 0.03}),
        (
            {"alerts_per_day": 5},
            {"rule": "alerts_per_day", "alert_p_value": 0.005, "target_fpr": 0.005,
             "alerts_per_day": 5.0, "connections_per_day": 1000.0},
        ),
    ],
)  # fmt: skip
def test_the_outcome_says_by_what_it_was_chosen(settings, outcome):
    chosen = choose_threshold(
        AlertSettings(**settings), calibration(), connections_per_day=1000.0, validation=unasked
    )
    assert json.loads(json.dumps(chosen.to_dict())) == outcome


@pytest.mark.parametrize("law", sorted(LAWS))
@pytest.mark.parametrize("target_fpr", [0.005, 0.01, 0.02])
def test_the_tail_keeps_its_target_and_scatters_less_than_counting(law, target_fpr):
    draw, survival = LAWS[law]
    random = np.random.default_rng(8)
    by_law, by_count = [], []
    for _ in range(200):
        fitted = ConformalCalibration.fit(draw(random, 2000))
        by_law.append(survival(fitted.threshold(by_tail(fitted, target_fpr).alert_p_value)))
        by_count.append(survival(fitted.threshold(target_fpr)))
    error = np.std(by_law) / math.sqrt(len(by_law))
    assert np.mean(by_law) <= target_fpr + 3 * error
    assert np.mean(by_law) >= 0.75 * target_fpr, "and it is no smaller than it need be"
    assert np.std(by_law) < np.std(by_count)


def test_the_tails_quantile_is_that_of_the_law():
    scores = np.sort(np.random.default_rng(0).exponential(size=200_000))
    score, rows = tail_quantile(scores, 0.0001)
    assert rows == 10_000
    assert score == pytest.approx(-math.log(0.0001), rel=0.05)


@pytest.mark.parametrize(
    ("scores", "target_fpr", "by"),
    [
        (np.arange(999.0), 0.01, "tail"),
        (np.arange(999.0), 0.0001, "extrapolation"),
        (np.arange(999.0), 0.2, "counting"),
        (np.full(999, 4.0), 0.01, "counting"),
    ],
    ids=["in the tail", "beyond the rows", "below the tail", "no tail"],
)
def test_where_no_tail_reaches_the_p_values_decide_and_it_is_recorded(scores, target_fpr, by):
    chosen = by_tail(ConformalCalibration.fit(scores), target_fpr)
    assert chosen.target_fpr == target_fpr
    assert chosen.inputs["estimated_by"] == by
    if by != "tail":
        assert chosen.alert_p_value == target_fpr


@given(
    scores=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300),
    target_fpr=st.floats(1e-9, 1 - 1e-9),
)
def test_a_tail_always_gives_a_rate_that_a_model_can_keep(scores, target_fpr):
    fitted = ConformalCalibration.fit(scores)
    chosen = by_tail(fitted, target_fpr)
    assert 0 < chosen.alert_p_value < 1
    assert not math.isnan(fitted.threshold(chosen.alert_p_value))


# --- from labelled validation rows ---


@pytest.mark.parametrize("attack_share", [None, 0.01, 0.9])
def test_no_other_threshold_has_a_better_f1(attack_share):
    fitted, (labels, scores) = calibration(), labelled()
    chosen = by_best_f1(fitted, labels, scores, attack_share=attack_share)
    p, _ = fitted.p_values(scores)
    every = {rate: figures(labels, p <= rate, attack_share)[2] for rate in np.unique(p[p < 1])}
    assert every[chosen.alert_p_value] == pytest.approx(max(every.values()))
    assert chosen.inputs["f1"] == pytest.approx(max(every.values()))
    assert (chosen.inputs["attacks"], chosen.inputs["benign"]) == (300, 700)


def test_rarer_attacks_call_for_a_higher_threshold():
    fitted, rows = calibration(), labelled()
    rates = [by_best_f1(fitted, *rows, attack_share=s).alert_p_value for s in (0.9, 0.1, 0.001)]
    assert rates[0] > rates[1] > rates[2]


@pytest.mark.parametrize("attack_share", [None, 0.2])
def test_the_least_precision_is_reached_and_at_no_lower_threshold(attack_share):
    fitted, (labels, scores) = calibration(), labelled()
    chosen = by_precision(fitted, labels, scores, min_precision=0.85, attack_share=attack_share)
    p, _ = fitted.p_values(scores)
    precision, recall, _ = figures(labels, p <= chosen.alert_p_value, attack_share)
    assert precision >= 0.85
    assert chosen.inputs["precision_on_validation"] == pytest.approx(precision)
    assert chosen.inputs["recall_on_validation"] == pytest.approx(recall)
    lower = np.unique(p[(p > chosen.alert_p_value) & (p < 1)])
    assert lower.size
    assert all(figures(labels, p <= rate, attack_share)[0] < 0.85 for rate in lower)


def test_rows_of_unknown_label_do_not_count():
    fitted, (labels, scores) = calibration(), labelled()
    more = by_best_f1(fitted, np.append(labels, [np.nan] * 99), np.append(scores, [9.0] * 99))
    assert more == by_best_f1(fitted, labels, scores)


def test_an_alert_is_never_made_of_everything():
    labels = np.repeat([0.0, 1.0], [1, 500])  # where all being an alert has the best F1
    scores = np.random.default_rng(0).exponential(size=501)
    assert by_best_f1(calibration(), labels, scores).alert_p_value < 1


@pytest.mark.parametrize("rule", ["best_f1", "precision"])
@pytest.mark.parametrize("label", [0.0, 1.0, np.nan])
def test_a_rule_that_needs_labels_says_so_where_there_are_none(rule, label):
    rows = (np.full(50, label), np.linspace(0, 9, 50))
    with pytest.raises(ParameterError, match=rf"alerts\.rule {rule} needs attacks and benign rows"):
        choose_threshold(
            AlertSettings(rule=rule), calibration(), connections_per_day=None,
            validation=lambda: rows,
        )  # fmt: skip


def test_labels_are_asked_for_before_anything_is_fitted():
    check_labels(AlertSettings(), attacks=0, benign=0)
    check_labels(AlertSettings(rule="precision"), attacks=1, benign=1)
    with pytest.raises(
        ParameterError, match=r"alerts\.rule precision needs .* got 0 attacks and 9"
    ):
        check_labels(AlertSettings(rule="precision"), attacks=0, benign=9)


def test_a_precision_that_no_threshold_reaches_is_refused_with_what_can_be():
    labels, scores = labelled()
    with pytest.raises(ParameterError, match=r"alerts\.min_precision .* at most 0\.\d+, got 0\.99"):
        by_precision(calibration(), labels, scores[::-1], min_precision=0.99)


def test_rows_no_more_anomalous_than_any_calibration_row_set_no_threshold():
    with pytest.raises(ParameterError, match="more anomalous than some calibration row, got none"):
        by_best_f1(calibration(), [0.0, 1.0], [-5.0, -6.0])
