"""A threshold's rule keeps its promise, from held-out rows alone, and is stored as one rate."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.detection.calibration.tail import tail_quantile
from oddwire.detection.calibration.threshold_rules import (
    check_labels,
    choose_threshold,
    target_fpr_of,
)
from oddwire.detection.calibration.thresholds import by_best_f1, by_precision, by_tail, robust_rate
from oddwire.errors import ParameterError
from oddwire.params import AlertSettings

RATES = st.floats(1e-6, 1 - 1e-6)
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


def test_a_rate_is_what_the_settings_say_and_a_budget_what_a_day_brings():
    assert target_fpr_of(AlertSettings(target_fpr=0.02), None) == 0.02
    assert target_fpr_of(AlertSettings(target_fpr=0.02), 1000.0) == 0.02
    budget = AlertSettings(target_fpr=0.02, alerts_per_day=5)
    assert target_fpr_of(budget, 1000.0) == pytest.approx(0.005)
    with pytest.raises(ParameterError, match=r"alerts\.alerts_per_day needs a source with times"):
        target_fpr_of(budget, None)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"target_fpr": 0.03}, {"rule": "fpr", "target_fpr": 0.03, "nominal": 0.03}),
        (
            {"alerts_per_day": 5},
            {"rule": "alerts_per_day", "target_fpr": 0.005, "alerts_per_day": 5.0,
             "connections_per_day": 1000.0},
        ),
    ],
)  # fmt: skip
def test_the_outcome_says_by_what_it_was_chosen(settings, told):
    chosen = choose_threshold(
        AlertSettings(**settings), calibration(), connections_per_day=1000.0, validation=unasked
    )
    assert json.loads(json.dumps(chosen.to_dict())) == told


@pytest.mark.parametrize("law", sorted(LAWS))
@pytest.mark.parametrize("risk", [0.005, 0.01, 0.02])
def test_the_tail_keeps_its_risk_and_scatters_less_than_counting(law, risk):
    draw, survival = LAWS[law]
    random = np.random.default_rng(8)
    by_law, by_count = [], []
    for _ in range(200):
        fitted = ConformalCalibration.fit(draw(random, 2000))
        by_law.append(survival(fitted.threshold(by_tail(fitted, risk).target_fpr)))
        by_count.append(survival(fitted.threshold(risk)))
    error = np.std(by_law) / math.sqrt(len(by_law))
    assert np.mean(by_law) <= risk + 3 * error
    assert np.mean(by_law) >= 0.75 * risk, "and it is no smaller than it need be"
    assert np.std(by_law) < np.std(by_count)


def test_the_tails_quantile_is_that_of_the_law():
    scores = np.sort(np.random.default_rng(0).exponential(size=200_000))
    score, rows = tail_quantile(scores, 0.0001)
    assert rows == 10_000
    assert score == pytest.approx(-math.log(0.0001), rel=0.05)


@pytest.mark.parametrize(
    ("scores", "risk", "by"),
    [
        (np.arange(999.0), 0.01, "tail"),
        (np.arange(999.0), 0.0001, "extrapolation"),
        (np.arange(999.0), 0.2, "counting"),
        (np.full(999, 4.0), 0.01, "counting"),
    ],
    ids=["in the tail", "beyond the rows", "below the tail", "no tail"],
)
def test_where_no_tail_reaches_the_p_values_decide_and_it_is_told(scores, risk, by):
    chosen = by_tail(ConformalCalibration.fit(scores), risk)
    assert chosen.inputs["estimated_by"] == by
    if by != "tail":
        assert chosen.target_fpr == risk


@given(
    scores=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300),
    risk=st.floats(1e-9, 1 - 1e-9),
)
def test_a_tail_always_gives_a_rate_that_a_model_can_keep(scores, risk):
    fitted = ConformalCalibration.fit(scores)
    chosen = by_tail(fitted, risk)
    assert 0 < chosen.target_fpr < 1
    assert not math.isnan(fitted.threshold(chosen.target_fpr))


@given(rate=RATES, shift=st.floats(0, 100))
@example(rate=0.2, shift=6.5e-223)
def test_no_shift_of_the_size_allowed_for_breaks_the_rate(rate, shift):
    try:
        today = robust_rate(rate, shift)
    except ParameterError:
        assert rate**2 / max(shift, 1e-300) < 1e-9, "only a rate that nobody can tell is refused"
        return
    assert 0 < today <= rate
    worst = today + math.sqrt(shift * today * (1 - today))
    assert worst == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize("kind", [0.01, 0.03, 0.1, 0.5])
def test_benign_traffic_that_shifts_by_as_much_still_keeps_the_rate(kind):
    # Connections of the oddest kind become more frequent, until the divergence is what is allowed.
    shift = 0.1
    rate = robust_rate(0.05, shift)
    oddest = np.arange(10_000) < 10_000 * kind  # the rows stand from the oddest on
    more = math.sqrt(shift * (1 - kind) / kind)
    weight = np.where(oddest, 1 + more, 1 - more * kind / (1 - kind))
    assert weight.mean() == pytest.approx(1)
    assert ((weight - 1) ** 2).mean() == pytest.approx(shift)
    assert weight[: math.floor(10_000 * rate)].sum() / 10_000 <= 0.05
    if kind == 0.03:
        assert weight[:500].sum() / 10_000 > 0.05, "the rate itself would be broken"


def test_an_allowance_for_shift_lowers_what_every_rule_of_benign_rows_sets():
    for settings in ({"target_fpr": 0.05}, {"alerts_per_day": 50}, {"rule": "tail", "risk": 0.05}):
        rates = [
            choose_threshold(
                AlertSettings(**settings, benign_shift=shift), calibration(),
                connections_per_day=1000.0, validation=unasked,
            )
            for shift in (0.0, 0.1)
        ]  # fmt: skip
        assert rates[1].target_fpr < rates[0].target_fpr
        assert rates[1].inputs["benign_shift"] == 0.1


@pytest.mark.parametrize(
    ("rate", "shift", "message"),
    [
        (0, 0.1, "target_fpr must be between 0 and 1, got 0"),
        (math.nan, 0.1, "target_fpr"),
        (0.1, -1, "benign_shift must be a finite number from 0, got -1"),
        (0.1, math.inf, "benign_shift"),
        (1e-7, 100, "benign_shift must leave a rate of at least 1e-12"),
    ],
)
def test_an_allowance_that_makes_no_sense_is_refused(rate, shift, message):
    with pytest.raises(ParameterError, match=message):
        robust_rate(rate, shift)


# --- from labelled validation rows ---


@pytest.mark.parametrize("attack_share", [None, 0.01, 0.9])
def test_no_other_threshold_has_a_better_f1(attack_share):
    fitted, (labels, scores) = calibration(), labelled()
    chosen = by_best_f1(fitted, labels, scores, attack_share=attack_share)
    p, _ = fitted.p_values(scores)
    every = {rate: figures(labels, p <= rate, attack_share)[2] for rate in np.unique(p[p < 1])}
    assert every[chosen.target_fpr] == pytest.approx(max(every.values()))
    assert chosen.inputs["f1"] == pytest.approx(max(every.values()))
    assert (chosen.inputs["attacks"], chosen.inputs["benign"]) == (300, 700)


def test_rarer_attacks_call_for_a_higher_threshold():
    fitted, rows = calibration(), labelled()
    rates = [by_best_f1(fitted, *rows, attack_share=s).target_fpr for s in (0.9, 0.1, 0.001)]
    assert rates[0] > rates[1] > rates[2]


@pytest.mark.parametrize("attack_share", [None, 0.2])
def test_a_floor_of_precision_is_kept_and_no_lower_threshold_keeps_it(attack_share):
    fitted, (labels, scores) = calibration(), labelled()
    chosen = by_precision(fitted, labels, scores, min_precision=0.85, attack_share=attack_share)
    p, _ = fitted.p_values(scores)
    precision, recall, _ = figures(labels, p <= chosen.target_fpr, attack_share)
    assert precision >= 0.85
    assert chosen.inputs["precision_on_validation"] == pytest.approx(precision)
    assert chosen.inputs["recall_on_validation"] == pytest.approx(recall)
    lower = np.unique(p[(p > chosen.target_fpr) & (p < 1)])
    assert lower.size
    assert all(figures(labels, p <= rate, attack_share)[0] < 0.85 for rate in lower)


def test_rows_of_unknown_label_do_not_count():
    fitted, (labels, scores) = calibration(), labelled()
    more = by_best_f1(fitted, np.append(labels, [np.nan] * 99), np.append(scores, [9.0] * 99))
    assert more == by_best_f1(fitted, labels, scores)


def test_an_alert_is_never_made_of_everything():
    labels = np.repeat([0.0, 1.0], [1, 500])  # where all being an alert has the best F1
    scores = np.random.default_rng(0).exponential(size=501)
    assert by_best_f1(calibration(), labels, scores).target_fpr < 1


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


def test_a_floor_that_no_threshold_reaches_is_told_with_what_can_be_reached():
    labels, scores = labelled()
    with pytest.raises(ParameterError, match=r"alerts\.min_precision .* at most 0\.\d+, got 0\.99"):
        by_precision(calibration(), labels, scores[::-1], min_precision=0.99)


def test_rows_no_odder_than_any_calibration_row_set_no_threshold():
    with pytest.raises(ParameterError, match="odder than some calibration row, got none"):
        by_best_f1(calibration(), [0.0, 1.0], [-5.0, -6.0])
