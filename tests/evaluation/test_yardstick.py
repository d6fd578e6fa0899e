"""The yardstick is what is found at few false alarms, by row and by campaign, counted in units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.errors import DataError, ParameterError
from oddwire.evaluation import yardstick
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.evaluation.yardstick import HIGHEST, LOWEST
from oddwire.traffic.units import Units

MINUTE = 60_000_000


def drawn(seed, count=300, merit=1.0):
    rng = np.random.default_rng(seed)
    labels = np.append(rng.random(count) < 0.3, [True, False]).astype(float)
    families = np.where(rng.random(count + 2) < 0.8, "scan", "flood").astype(object)
    return ScoredRows(labels, rng.normal(size=count + 2) + merit * labels, families)


def connections(seed, count=400, merit=2.0):
    """Rows of 25 sources over a day, the attacks in six campaigns of two families."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < 0.2).astype(float)
    labels[:2] = 0, 1
    number = rng.integers(6, size=count)
    attack = np.where(labels == 1, np.where(number < 3, "scan", "flood"), None)
    campaign = np.where(labels == 1, np.char.add("campaign ", number.astype(str)), None)
    sources = np.unique(rng.integers(25, size=count), return_inverse=True)[1]
    clock = np.sort(rng.integers(24 * 60, size=count)) * MINUTE
    names = np.arange(sources.max() + 1).astype(str).astype(object)
    units = Units(sources, names, clock, 10.0, "source and time")
    scores = rng.normal(size=count) + merit * labels
    return ScoredRows(labels, scores, attack, None, units, campaign)


def rows_of(rows, chosen):
    def taken(each):
        return None if each is None else each[chosen]

    return ScoredRows(
        rows.labels[chosen], rows.scores[chosen], taken(rows.attack),
        units=None if rows.units is None else rows.units.take(chosen),
        campaign=taken(rows.campaign),
    )  # fmt: skip


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_it_is_the_recall_at_each_share_of_benign_units_that_may_alert(seed):
    rows = connections(seed)
    attack, units = rows.labels == 1, rows.units.codes
    worst = {}
    for unit, score in zip(units[~attack], rows.scores[~attack], strict=True):
        worst[unit] = max(score, worst.get(unit, -np.inf))
    ranked = np.sort(list(worst.values()))[::-1]
    levels = np.exp(np.linspace(np.log(LOWEST), np.log(HIGHEST), 4001))[:-1]
    threshold = ranked[(levels * len(ranked)).astype(int)]
    found = rows.scores[attack][:, None] > threshold
    campaigns = [found[rows.campaign[attack] == each] for each in np.unique(rows.campaign[attack])]
    expected = (found.mean() + np.mean([each.mean() for each in campaigns])) / 2
    assert yardstick.value(rows) == pytest.approx(expected, abs=0.003)


def test_it_knows_perfect_blind_and_random_scores():
    attack = np.repeat([True, False], [5_000, 100_000])
    benign_first = np.where(attack, 0.0, 1.0)
    random = np.random.default_rng(0).random(len(attack))
    assert yardstick.value(ScoredRows(attack, -benign_first, None)) == 1
    assert yardstick.value(ScoredRows(attack, benign_first, None)) == 0
    by_chance = (HIGHEST - LOWEST) / np.log(HIGHEST / LOWEST)
    assert yardstick.value(ScoredRows(attack, random, None)) == pytest.approx(by_chance, abs=0.004)


def test_ties_count_half_wherever_the_rows_stand():
    rows = drawn(0, merit=2.0)
    coarse = replace(rows, scores=np.round(rows.scores))
    order = np.random.default_rng(1).permutation(len(rows.labels))
    expected = yardstick.value(coarse)
    assert 0 < expected < 1
    assert yardstick.value(rows_of(coarse, order)) == pytest.approx(expected, abs=1e-12)
    # The one benign row of 60 with the highest score ties with all attacks: half of 1 / 60.
    labels = np.repeat([0, 1], [60, 5])
    scores = np.where(np.arange(65) >= 59, 1.0, 0.0)
    expected = np.log(HIGHEST * 120) / np.log(HIGHEST / LOWEST)
    assert yardstick.value(ScoredRows(labels, scores, None)) == pytest.approx(expected)


def test_one_busy_source_is_one_false_alarm_in_ten_minutes():
    labels = np.repeat([0, 0, 1], [300, 100, 20])
    scores = np.concatenate([np.linspace(0, 1, 300), np.full(100, 5.0), np.full(20, 3.0)])
    sources = np.concatenate([np.arange(300), np.full(100, 300), np.full(20, 301)])
    clock = np.zeros(420, dtype=np.int64)
    names = np.arange(302).astype(str).astype(object)
    rows = ScoredRows(labels, scores, None)
    units = Units(sources, names, clock, 10.0, "source and time")
    assert yardstick.value(rows) == 0  # a quarter of the rows score higher
    assert yardstick.value(replace(rows, units=units)) > 0.8  # but one unit of 301


def test_a_campaign_counts_the_same_however_many_rows_it_has():
    benign = np.linspace(0, 1, 1000)
    labels = np.repeat([0, 1], [1000, 100])
    # Ninety rows of one campaign are found, ten of another are not.
    scores = np.concatenate([benign, np.full(90, 9.0), np.full(10, -1.0)])
    campaign = np.repeat(np.array([None, "a", "b"], dtype=object), [1000, 90, 10])
    family = np.where(labels == 1, "scan", None)
    rows = ScoredRows(labels, scores, family)
    assert yardstick.value(rows) == pytest.approx(0.9)
    assert yardstick.value(replace(rows, campaign=campaign)) == pytest.approx((0.9 + 0.5) / 2)
    # Where campaigns are not known, families stand for them; also of some rows alone.
    assert yardstick.value(replace(rows, attack=campaign)) == pytest.approx((0.9 + 0.5) / 2)
    some = np.where(campaign == "a", campaign, None)
    assert yardstick.value(replace(rows, campaign=some)) == pytest.approx((0.9 + 0.5) / 2)


def test_the_share_of_attacks_plays_no_part():
    rows = drawn(4)
    many = np.append(np.arange(len(rows.labels)), np.repeat(np.flatnonzero(rows.labels), 9))
    assert yardstick.value(rows_of(rows, many)) == pytest.approx(yardstick.value(rows), abs=1e-12)


@given(st.integers(0, 500), st.floats(0, 3))
@settings(deadline=None, max_examples=40)
def test_more_benign_noise_never_helps(seed, noise):
    rows = connections(seed)
    random = np.random.default_rng(seed)
    louder = rows.scores + np.where(rows.labels == 0, noise * random.random(len(rows.scores)), 0.0)
    assert yardstick.value(replace(rows, scores=louder)) <= yardstick.value(rows)


@pytest.mark.parametrize("labels", [None, np.zeros(50), np.ones(50), np.full(50, np.nan)])
def test_without_both_classes_there_is_no_value_and_no_difference(labels):
    rows = ScoredRows(labels, np.arange(50.0), None)
    assert yardstick.value(rows) is None
    with pytest.raises(DataError, match="both classes"):
        yardstick.paired_difference(rows, rows)


def test_rows_without_a_label_are_left_out():
    rows = connections(5)
    unknown = np.arange(len(rows.labels)) % 5 == 4
    some = replace(rows, labels=np.where(unknown, np.nan, rows.labels))
    expected = yardstick.value(rows_of(rows, np.flatnonzero(~unknown)))
    assert yardstick.value(some) == pytest.approx(expected, abs=1e-12)
    there = yardstick.paired_difference(some, drawn_as(some, 6), resamples=20)
    assert there.challenger == pytest.approx(expected, abs=1e-12)


def test_it_needs_no_time_and_one_family_will_do():
    rows = connections(7)
    untimed = replace(rows.units, clock=None, kind="source")
    assert 0 < yardstick.value(replace(rows, units=untimed)) < 1
    alone = replace(rows, units=None, campaign=None, attack=None)
    one = replace(alone, attack=np.where(rows.labels == 1, "scan", None))
    assert yardstick.value(alone) == yardstick.value(one)
    assert yardstick.paired_difference(one, drawn_as(one, 8), resamples=20).estimate != 0


def drawn_as(rows, seed):
    """Score the rows anew."""
    noise = np.random.default_rng(seed).normal(size=len(rows.scores))
    return replace(rows, scores=noise + 2 * np.nan_to_num(rows.labels))


def test_the_interval_of_a_difference_covers_what_more_rows_show():
    rows = drawn(6, count=100_000)
    noise = np.random.default_rng(7).normal(size=(2, len(rows.labels)))
    ahead = replace(rows, scores=2.5 * rows.labels + noise[0])
    behind = replace(rows, scores=2.0 * rows.labels + noise[1])
    true = yardstick.value(ahead) - yardstick.value(behind)
    inside = 0
    for part in np.array_split(np.arange(len(rows.labels)), 40):
        got = yardstick.paired_difference(
            rows_of(ahead, part), rows_of(behind, part), resamples=100
        )
        assert got.estimate == pytest.approx(got.challenger - got.champion)
        inside += got.low <= true <= got.high
    assert inside >= 34  # 38 expected of 40


def test_rows_of_one_campaign_are_one_observation():
    rows = connections(9, count=3000)
    luck = np.random.default_rng(10).normal(size=6)  # of a campaign, whatever its rows
    number = np.array([0 if each is None else int(each[-1]) for each in rows.campaign])
    other = replace(rows, scores=rows.scores + np.where(rows.labels == 1, luck[number], 0.0))
    by_campaign = yardstick.paired_difference(other, rows)
    by_row = yardstick.paired_difference(replace(other, units=None, campaign=None), rows)
    assert by_campaign.high - by_campaign.low > 2 * (by_row.high - by_row.low)


@given(st.integers(0, 500), st.sampled_from(["named", "unnamed", "campaigns"]))
@settings(deadline=None, max_examples=25)
def test_a_difference_turns_round_with_the_two(seed, known):
    rows = connections(seed) if known == "campaigns" else drawn(seed)
    rows = replace(rows, attack=None) if known == "unnamed" else rows
    other = drawn_as(rows, seed + 1)
    there = yardstick.paired_difference(rows, other, resamples=50)
    back = yardstick.paired_difference(other, rows, resamples=50)
    assert there.estimate == -back.estimate
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-12)
    assert not (there.low > 0 and back.low > 0)
    same = yardstick.paired_difference(rows, rows, resamples=50)
    assert (same.estimate, same.low, same.high, same.share_better) == (0, 0, 0, 0)


@pytest.mark.parametrize("timed", [True, False])
def test_a_unit_whose_rows_are_drawn_apart_still_counts(timed):
    """One source for half an hour: its few units lie across the stretches of time drawn."""
    count = 300
    rng = np.random.default_rng(0)
    labels = (rng.random(count) < 0.2).astype(float)
    attack = np.where(labels == 1, "scan", None)
    clock = np.sort(rng.integers(30 * MINUTE, size=count)) if timed else None
    kind = "source and time" if timed else "source"
    units = Units(np.zeros(count, np.int64), np.array(["a"], object), clock, 10.0, kind)
    one, other = (
        ScoredRows(labels, rng.normal(size=count) + merit * labels, attack, units=units)
        for merit in (3, 0)
    )
    found = yardstick.paired_difference(one, other, resamples=400)
    assert np.isfinite([found.low, found.high]).all()
    assert found.low <= found.high


def test_what_does_not_fit_is_an_error():
    rows = drawn(8)
    with pytest.raises(DataError, match="same rows"):
        yardstick.paired_difference(rows, rows_of(rows, np.arange(300)))
    with pytest.raises(DataError, match="finite"):
        yardstick.value(replace(rows, scores=np.full(len(rows.labels), np.nan)))
    with pytest.raises(ParameterError, match="resamples"):
        yardstick.paired_difference(rows, rows, resamples=0)
