"""False alarms against the target: counted as people count them, with a verdict that is sure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oddwire.evaluation.metrics import evaluate
from oddwire.evaluation.observed import (
    INCIDENTS,
    NAMES,
    ROWS,
    UNITS,
    count_false_alarms,
    observe,
    target_of,
    with_observed,
)
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.evaluation.target_lines import (
    ROUGHLY,
    UNLIKE,
    alerts_of_all,
    target_lines,
    target_sentence,
)
from oddwire.evaluation.uncertainty.intervals import bootstrap_intervals
from oddwire.traffic.units import Units

DAY = 86_400_000_000
TARGET = {INCIDENTS: 30.0}


def traffic(rng, *, days=4.0, sources=200, per_day=30.0, rows_per_day=1000):
    """Score rows of which some sources alert in bursts: so many incidents a day on the mean."""
    times = np.sort(rng.integers(0, int(days * DAY), size=int(days * rows_per_day)))
    from_whom = rng.integers(sources, size=len(times))
    noise = rng.gamma(0.3, 1 / 0.3, size=sources)
    scores = (rng.random(len(times)) < noise[from_whom] * per_day / rows_per_day) * 1.0
    return scored(from_whom, times, scores)


def scored(sources, times, scores, labels=None, kind="source and time"):
    sources = np.asarray(sources)
    names = np.array([f"10.0.0.{at}" for at in range(sources.max() + 1)], dtype=object)
    clock = None if times is None else np.asarray(times, dtype=np.int64)
    labels = np.zeros(len(sources)) if labels is None else np.asarray(labels, dtype=float)
    nameless = np.full(len(sources), None, dtype=object)
    units = Units(sources, names, clock, 10.0, kind)
    return ScoredRows(labels, np.asarray(scores, dtype=float), nameless, None, units)


def test_incidents_units_and_rows_are_counted_with_the_days_of_their_times():
    minute = 60_000_000
    times = [0, minute, 2 * minute, 30 * minute, 2 * DAY]
    found = count_false_alarms(scored([0, 0, 1, 0, 1], times, [1, 1, 0, 1, 0]), 1)
    seen = observe(found, {})
    assert found.days == pytest.approx(1 + 30 / 1440), "a gap of days counts as one"
    assert seen.of(INCIDENTS).value == pytest.approx(2 / found.days)
    assert seen.of(UNITS).value == 2 / 4
    assert seen.of(ROWS).value == 3 / 5


def test_of_time_that_was_left_out_no_day_counts():
    rng = np.random.default_rng(8)
    whole = traffic(rng, days=4.0)
    kept = np.arange(len(whole.scores)) % 40 < 10  # of each forty rows a stretch of ten
    part = ScoredRows(
        whole.labels[kept], whole.scores[kept], whole.attack[kept], None, whole.units.take(kept)
    )
    thinned = count_false_alarms(part, 1, share_kept=0.25)
    assert thinned.days == pytest.approx(1.0, rel=0.02)
    seen = observe(thinned, {}).of(INCIDENTS)
    assert seen.low <= observe(count_false_alarms(whole, 1), {}).of(INCIDENTS).value <= seen.high


def test_a_unit_that_alerts_is_counted_where_it_begins():
    """In a short period clusters are blocks of a few minutes, shorter than a unit."""
    minute = 60_000_000
    rows = scored(np.zeros(20, dtype=int), np.arange(20) * minute, np.arange(20) % 10 == 9)
    units = count_false_alarms(rows, 1).units
    assert len(units.hits) > 2
    assert units.hits.sum() == units.sizes.sum() == 2
    assert (units.hits <= units.sizes).all()


def test_the_share_of_rows_has_one_interval_wherever_it_stands():
    rows = traffic(np.random.default_rng(9), per_day=0.0)
    seen = observe(count_false_alarms(rows, 1), TARGET)
    labels = np.append(rows.labels, 1.0)
    drawn = bootstrap_intervals(
        labels, np.append(rows.scores, 1.0),
        evaluate(labels, np.append(rows.scores, 1.0), threshold=1.0, alert_p_value=0.01),
        clusters=np.append(rows.clusters, rows.clusters.max() + 1), resamples=20,
    )  # fmt: skip
    bounds = with_observed(drawn, seen).bounds
    share = seen.of(ROWS)
    assert bounds["false_positive_rate"] == (share.low, share.high)
    assert bounds["false_positive_rate"] != drawn.bounds["false_positive_rate"]
    assert bounds["roc_auc"] == drawn.bounds["roc_auc"]
    assert bounds[INCIDENTS] == (seen.own.low, seen.own.high)
    assert with_observed(drawn, None) is drawn


def test_attacks_and_rows_without_a_label_are_no_false_alarms():
    times = np.arange(6) * DAY // 8
    found = count_false_alarms(scored(np.arange(6), times, np.ones(6), [1, 1, np.nan, 0, 0, 1]), 1)
    assert found.rows.hits.sum() == found.incidents.hits.sum() == 2
    assert count_false_alarms(scored([0, 1], [0, 1], [1, 1], [1, np.nan]), 1) is None


def test_of_traffic_that_nobody_labelled_its_share_of_the_days_does_not_count():
    """As the calibration rows are counted: else incidents a day would look too few."""
    full = traffic(np.random.default_rng(3), days=20)
    rate = observe(count_false_alarms(full, 1), TARGET).own.value
    stretch = np.arange(len(full.scores)) // 500
    half = replace(full, labels=np.where(stretch % 2 == 0, 0.0, np.nan))
    found = count_false_alarms(half, 1)
    assert found.days == pytest.approx(10, rel=0.03)
    assert observe(found, TARGET).own.value == pytest.approx(rate, rel=0.2)
    attacked = replace(full, labels=np.where(stretch % 2 == 0, 0.0, 1.0))
    assert count_false_alarms(attacked, 1).days == pytest.approx(20, rel=0.01)


def test_of_rows_without_labels_all_alerts_are_told_beside_the_target():
    unknown = scored([0, 0, 1, 0], [0, 1, 2, 2 * DAY], [1, 1, 0, 1], labels=[np.nan] * 4)
    assert count_false_alarms(unknown, 1) is None
    told = alerts_of_all(unknown, 1, {"share_of_units": 0.01})
    assert told.startswith("66.7 % of the units (")
    assert told.endswith("; the target of benign traffic is 1 %")


def test_of_rows_without_a_source_an_incident_is_an_alert():
    times = np.arange(8) * DAY // 8
    found = count_false_alarms(scored(np.arange(8), times, [1, 1, 0, 0, 0, 1, 0, 0], kind="row"), 1)
    seen = observe(found, TARGET)
    assert [rate.name for rate in seen.rates] == [INCIDENTS, ROWS]
    assert seen.own.value == pytest.approx(3 / (7 / 8))
    assert seen.verdict is not None


def test_the_unit_of_the_target_comes_first():
    found = count_false_alarms(traffic(np.random.default_rng(0)), 1)
    for name in NAMES:
        seen = observe(found, {name: 0.01})
        assert seen.rates[0].name == seen.own.name == name
        assert len(seen.rates) == 3
        assert all(rate.low <= rate.value <= rate.high for rate in seen.rates)


def test_what_rows_do_not_have_is_not_counted():
    no_time = observe(
        count_false_alarms(scored([0, 1, 1], None, [1, 0, 0], kind="source"), 1), TARGET
    )
    assert [rate.name for rate in no_time.rates] == [UNITS, ROWS]
    assert no_time.verdict is None
    assert no_time.own is None
    bare = ScoredRows(np.zeros(3), np.array([1.0, 0, 0]), np.full(3, None, dtype=object))
    assert [rate.name for rate in observe(count_false_alarms(bare, 1), {ROWS: 0.3}).rates] == [ROWS]


def verdicts(rate, *, seed, calibration_days=2.0, runs=200):
    rng = np.random.default_rng(seed)
    said = []
    for _ in range(runs):
        calibration = count_false_alarms(traffic(rng, days=calibration_days), 1)
        # The threshold was set so that the calibration rows have what was promised.
        target = {INCIDENTS: max(calibration.incidents.value, 1) / calibration.days}
        found = count_false_alarms(traffic(rng, per_day=rate), 1)
        said.append(observe(found, target, calibration).verdict)
    return np.array(said)


def test_exchangeable_traffic_is_said_to_exceed_the_target_in_one_case_of_twenty_at_most():
    said = verdicts(30.0, seed=1)
    assert np.mean(said == "above") <= 0.05
    assert np.mean(said == "below") <= 0.05


def test_traffic_of_four_times_the_false_alarms_is_nearly_always_said_to_exceed_it():
    assert np.mean(verdicts(120.0, seed=2, runs=50) == "above") >= 0.9


def test_a_burst_of_one_source_is_no_proof_and_the_same_of_many_is():
    times = np.arange(3000) * (4 * DAY // 3000)
    quiet, many = np.arange(3000) % 100, np.arange(3000) % 100
    scores = np.zeros(3000)
    scores[quiet == 7] = 1  # one source alerts all the time
    one = count_false_alarms(scored(quiet, times, scores), 1)
    scores = (np.arange(3000) // 100 == 5) * 1.0  # each source alerts once
    each = count_false_alarms(scored(many, times, scores), 1)
    target = {ROWS: 0.01}
    assert observe(one, target).rates[0].value <= observe(each, target).rates[0].value
    assert (observe(one, {ROWS: 0.004}).verdict, observe(each, {ROWS: 0.004}).verdict) == (
        "kept", "above",
    )  # fmt: skip


def test_a_calibration_without_any_false_alarm_proves_nothing():
    rng = np.random.default_rng(3)
    calm = count_false_alarms(traffic(rng, days=0.05, per_day=0.0), 1)
    found = count_false_alarms(traffic(rng, days=1, per_day=20.0), 1)
    assert observe(found, {INCIDENTS: 5.0}).verdict == "above"
    kept = observe(found, {INCIDENTS: 5.0}, calm)
    assert kept.verdict == "kept"
    assert kept.own is not None
    assert kept.own.low > 5  # its interval alone would say otherwise
    assert target_sentence(kept).endswith(f"are consistent with the target of 5, {ROUGHLY}")


def test_alerts_on_all_rows_and_on_none_have_a_verdict():
    times = np.arange(400) * (DAY // 100)
    for score, verdict in ((1.0, "above"), (0.0, "below")):
        rows = scored(np.arange(400) % 40, times, np.full(400, score))
        assert observe(count_false_alarms(rows, 1), {ROWS: 0.2}).verdict == verdict


def test_a_rule_has_a_target_or_none():
    assert target_of({"target": {INCIDENTS: 30.0}}) == {INCIDENTS: 30.0}
    assert target_of({"rule": "best_f1", "target": None}) == target_of({}) == {}


@pytest.mark.parametrize(
    ("target", "words"),
    [(1000.0, "are below the target of 1,000"), (1.0, f"exceed the target of 1: {UNLIKE}")],
)
def test_the_sentence_says_the_verdict_and_of_what_rows_differ_only_where_it_is_sure(target, words):
    seen = observe(count_false_alarms(traffic(np.random.default_rng(4)), 1), {INCIDENTS: target})
    assert words in target_sentence(seen)
    assert "false incidents a day (" in target_sentence(seen)


def test_the_lines_have_the_own_unit_first_and_fit_a_terminal():
    found = count_false_alarms(traffic(np.random.default_rng(5)), 1)
    lines = target_lines(observe(found, {UNITS: 0.03}))
    assert lines[0] == "false alarms over 4 days, with 95 % intervals"
    assert [line.split("  ")[1] for line in lines[1:4]] == [
        "benign units", "false incidents a day", "benign rows",
    ]  # fmt: skip
    assert all(len(line) <= 80 for line in lines[:4])
    assert target_lines(observe(found, {}))[-1] == "without a target"
    assert target_lines(None) == ["false alarms unknown: no row is labelled as benign"]
