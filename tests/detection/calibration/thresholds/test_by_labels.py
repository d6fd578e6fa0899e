"""A threshold read off labelled rows is the best of all there are."""

from __future__ import annotations

import numpy as np
import pytest

from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.detection.calibration.thresholds.by_labels import by_best_f1, by_precision
from oddwire.errors import ParameterError


def calibration(n=999, seed=0):
    return ConformalCalibration.fit(np.random.default_rng(seed).exponential(size=n))


def labelled(attacks=300, benign=700, seed=1):
    random = np.random.default_rng(seed)
    scores = np.concatenate([random.exponential(size=benign), random.exponential(4, size=attacks)])
    return np.repeat([0.0, 1.0], [benign, attacks]), scores


def figures(labels, alert, attack_share=None):
    """Precision, recall and F1, the rows weighted to a share of attacks."""
    weight = np.ones(len(labels))
    if attack_share is not None:
        weight = np.where(labels == 1, attack_share / (labels == 1).sum(),
                          (1 - attack_share) / (labels == 0).sum())  # fmt: skip
    hits = weight[(labels == 1) & alert].sum()
    precision, recall = hits / weight[alert].sum(), hits / weight[labels == 1].sum()
    return precision, recall, 2 * precision * recall / (precision + recall)


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


def test_a_precision_that_no_threshold_reaches_is_refused_with_what_can_be():
    labels, scores = labelled()
    with pytest.raises(ParameterError, match=r"alerts\.min_precision .* at most 0\.\d+, got 0\.99"):
        by_precision(calibration(), labels, scores[::-1], min_precision=0.99)


def test_rows_no_more_anomalous_than_any_calibration_row_set_no_threshold():
    with pytest.raises(ParameterError, match="more anomalous than some calibration row, got none"):
        by_best_f1(calibration(), [0.0, 1.0], [-5.0, -6.0])
