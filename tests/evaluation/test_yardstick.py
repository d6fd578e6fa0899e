"""The yardstick is worth more for what is found at few false alarms, family by family."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.errors import DataError, ParameterError
from oddwire.evaluation import yardstick
from oddwire.evaluation.families import kinds_of_attack
from oddwire.evaluation.metrics import ranking_curve, roc_auc

FLOOR = 0.003


def drawn(seed, count=300, merit=1.0):
    rng = np.random.default_rng(seed)
    labels = np.append(rng.random(count) < 0.3, [True, False]).astype(float)
    families = np.where(rng.random(count + 2) < 0.8, "scan", "flood").astype(object)
    return labels, rng.normal(size=count + 2) + merit * labels, families


@given(st.integers(0, 1000))
@settings(deadline=None)
def test_it_is_the_area_under_the_roc_over_the_logarithm_of_its_rate(seed):
    rng = np.random.default_rng(seed)
    attack = np.append(rng.random(60) < 0.4, [True, False])
    scores = rng.permutation(62) + 0.5 * attack
    # Recall at each of many rates, evenly spaced in logarithms.
    rates = np.exp(np.linspace(np.log(FLOOR), 0, 20_001))[:-1]
    threshold = np.sort(scores[~attack])[::-1][(rates * (~attack).sum()).astype(int)]
    recall = (scores[attack][:, None] > threshold).mean(axis=0)
    assert yardstick.value(attack, scores, None) == pytest.approx(recall.mean(), abs=0.002)


def test_it_knows_perfect_blind_and_random_scores():
    attack = np.repeat([True, False], [5_000, 100_000])
    benign_first = np.where(attack, 0.0, 1.0)
    random = np.random.default_rng(0).random(len(attack))
    assert yardstick.value(attack, -benign_first, None) == 1
    assert yardstick.value(attack, benign_first, None) == 0
    by_chance = (1 - FLOOR) / -np.log(FLOOR)
    assert yardstick.value(attack, random, None) == pytest.approx(by_chance, abs=0.01)


def test_ties_count_half_wherever_the_rows_stand():
    labels, scores, families = drawn(0)
    coarse = np.round(scores)
    order = np.random.default_rng(1).permutation(len(labels))
    expected = yardstick.value(labels, coarse, families)
    got = yardstick.value(labels[order], coarse[order], families[order])
    assert got == pytest.approx(expected, abs=1e-12)
    one_score = yardstick.value(labels, np.zeros(len(labels)), families)
    assert one_score == pytest.approx(np.log(0.5) / np.log(FLOOR))


def test_what_shows_at_few_false_alarms_counts_for_more_than_in_the_roc_auc():
    attack = np.append(np.zeros(1000), np.ones(20))
    families = np.repeat([None, "one", "other"], [1000, 10, 10])
    benign = np.arange(1000.0)
    # The first finds half of the attacks at once and misses the others, the second scores all of
    # them somewhat above most benign rows.
    sharp = np.concatenate([benign, np.repeat([2000.0, 400.5], 10)])
    even = np.concatenate([benign, np.full(20, 749.5)])
    areas = [roc_auc(ranking_curve(attack == 1, scores)) for scores in (sharp, even)]
    assert areas[1] > areas[0]
    assert yardstick.value(attack, sharp, families) > yardstick.value(attack, even, families)
    _, kinds = kinds_of_attack(attack, families, len(attack))
    assert yardstick.by_family(kinds, sharp)[0] == 1


def test_a_family_counts_the_same_however_many_rows_it_has():
    labels, scores, families = drawn(3)
    values = [
        yardstick.value(labels[rows], scores[rows], None)
        for family in ("scan", "flood")
        for rows in [(labels == 0) | (families == family)]
    ]
    assert yardstick.value(labels, scores, families) == pytest.approx(np.mean(values), abs=1e-12)


def test_the_share_of_attacks_plays_no_part():
    labels, scores, families = drawn(4)
    many = np.append(np.arange(len(labels)), np.repeat(np.flatnonzero(labels), 9))
    expected = yardstick.value(labels, scores, families)
    got = yardstick.value(labels[many], scores[many], families[many])
    assert got == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("labels", [None, np.zeros(50), np.ones(50), np.full(50, np.nan)])
def test_without_both_classes_there_is_no_value_and_no_difference(labels):
    scores = np.arange(50.0)
    assert yardstick.value(labels, scores, None) is None
    with pytest.raises(DataError, match="both classes"):
        yardstick.paired_difference(labels, scores, scores, None)


def test_rows_without_a_label_are_left_out():
    labels, scores, families = drawn(5)
    more = np.append(labels, np.full(40, np.nan)), np.append(scores, np.arange(40.0))
    with_unknown = yardstick.value(*more, np.append(families, [None] * 40))
    assert with_unknown == yardstick.value(labels, scores, families)


def test_the_interval_of_a_difference_covers_what_more_rows_show():
    labels, _, families = drawn(6, count=100_000)
    noise = np.random.default_rng(7).normal(size=(2, len(labels)))
    ahead, behind = 1.5 * labels + noise[0], 1.2 * labels + noise[1]
    true = yardstick.value(labels, ahead, families) - yardstick.value(labels, behind, families)
    inside = 0
    for part in np.array_split(np.arange(len(labels)), 40):
        got = yardstick.paired_difference(
            labels[part], ahead[part], behind[part], families[part], resamples=100
        )
        assert got.estimate == pytest.approx(got.challenger - got.champion)
        inside += got.low <= true <= got.high
    assert inside >= 34  # 38 expected of 40


@given(st.integers(0, 500), st.booleans())
@settings(deadline=None, max_examples=25)
def test_a_difference_turns_round_with_the_two(seed, named):
    labels, scores, families = drawn(seed)
    others = drawn(seed + 1)[1]
    given_families = families if named else None
    there = yardstick.paired_difference(labels, scores, others, given_families, resamples=50)
    back = yardstick.paired_difference(labels, others, scores, given_families, resamples=50)
    assert there.estimate == -back.estimate
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-12)
    same = yardstick.paired_difference(labels, scores, scores, given_families, resamples=50)
    assert (same.estimate, same.low, same.high, same.share_better) == (0, 0, 0, 0)


def test_what_does_not_fit_is_an_error():
    labels, scores, families = drawn(8)
    with pytest.raises(DataError, match="same rows"):
        yardstick.paired_difference(labels, scores, scores[1:], families)
    with pytest.raises(DataError, match="finite"):
        yardstick.value(labels, np.full(len(labels), np.nan), families)
    with pytest.raises(ParameterError, match="resamples"):
        yardstick.paired_difference(labels, scores, scores, families, resamples=0)
