"""Surprisal rises with the score, means the same for every detector, and lets none outvote."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.detection.calibration.surprisal import Surprisal
from oddwire.errors import DataError, ModelError

SCORES = arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e9, 1e9, width=32))


@given(benign=SCORES, asked=SCORES)
def test_it_is_finite_and_never_falls_with_the_score(benign, asked):
    ordered = np.sort(np.concatenate([benign, asked, [-1e300, 1e300]]))
    found = Surprisal.fit(benign).of(ordered)
    assert np.isfinite(found).all()
    assert (np.diff(found) >= -1e-12).all()


@given(seed=st.integers(0, 2**32 - 1), factor=st.sampled_from([0.125, 2.0, 1024.0]))
def test_the_unit_of_a_score_does_not_matter(seed, factor):
    random = np.random.default_rng(seed)
    benign, asked = random.lognormal(size=200), random.lognormal(0, 3, size=50)
    plain = Surprisal.fit(benign).of(asked)
    np.testing.assert_allclose(Surprisal.fit(benign * factor).of(asked * factor), plain, atol=1e-6)


def test_surprisal_of_new_benign_rows_is_minus_the_logarithm_of_their_rank():
    random = np.random.default_rng(0)
    surprisal = Surprisal.fit(random.exponential(size=20_000))
    found = surprisal.of(random.exponential(size=20_000))
    for quantile in (0.05, 0.5, 0.9, 0.99):
        assert np.quantile(found, quantile) == pytest.approx(-np.log(1 - quantile), abs=0.15)


def test_no_score_however_far_outvotes_others():
    surprisal = Surprisal.fit(np.random.default_rng(0).normal(size=2_000))
    rare, far, farther = surprisal.of([2.5, 1e3, 1e12])
    assert rare < far < farther < 2.5 * rare


def test_rows_beyond_all_benign_ones_keep_their_order():
    surprisal = Surprisal.fit(np.random.default_rng(0).normal(size=500))
    assert (np.diff(surprisal.of(np.geomspace(4, 1e6, 100))) > 0).all()


@pytest.mark.parametrize("benign", [[3.0], [3.0] * 50, [0.0, 0.0, 1.0]])
def test_few_or_equal_scores_still_tell_more_from_less(benign):
    low, high = Surprisal.fit(benign).of([benign[-1], benign[-1] + 5])
    assert low < high


def test_without_a_score_or_with_a_broken_one_there_is_none():
    with pytest.raises(DataError, match="at least one benign row"):
        Surprisal.fit([])
    with pytest.raises(ModelError, match="finite numbers, got nan"):
        Surprisal.fit([1.0, np.nan])


def test_it_is_the_same_with_a_saved_calibration():
    surprisal = Surprisal.fit(np.random.default_rng(0).normal(size=300))
    content = json.loads(json.dumps(surprisal.calibration.to_dict()))
    again = Surprisal(ConformalCalibration.from_dict(content, surprisal.calibration.scores))
    asked = np.linspace(-9, 9, 500)
    np.testing.assert_array_equal(again.of(asked), surprisal.of(asked))


@pytest.mark.parametrize("rows", [30, 3000, 50_000])
def test_up_to_one_row_in_400_it_is_minus_the_logarithm_of_the_p_value(rows):
    surprisal = Surprisal.fit(np.random.default_rng(0).normal(size=rows))
    asked = np.linspace(-2, 2, 100)
    p, _ = surprisal.calibration.p_values(asked)
    # They differ by half a step of counting, and by the curve's points.
    np.testing.assert_allclose(np.exp(-surprisal.of(asked)), p, atol=1 / rows + 0.0005)
