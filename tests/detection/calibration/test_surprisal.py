"""Surprisal rises with the score, means the same for every detector, and lets none shout."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from oddwire.detection.calibration.surprisal import Surprisal
from oddwire.errors import DataError, ModelError

SCORES = arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e9, 1e9, width=32))


@given(benign=SCORES, asked=SCORES)
def test_evidence_is_finite_and_never_falls_with_the_score(benign, asked):
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


def test_evidence_of_new_benign_rows_is_minus_the_logarithm_of_their_rank():
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


def test_of_many_scores_a_small_curve_is_kept():
    scores = np.random.default_rng(0).normal(size=50_000)
    surprisal = Surprisal.fit(scores)
    assert surprisal.points.size <= 2_001
    assert surprisal.points[-1] == scores.max()


@pytest.mark.parametrize("benign", [[3.0], [3.0] * 50, [0.0, 0.0, 1.0]])
def test_few_or_equal_scores_still_tell_more_from_less(benign):
    low, high = Surprisal.fit(benign).of([benign[-1], benign[-1] + 5])
    assert low < high


def test_without_a_score_or_with_a_broken_one_there_is_no_evidence():
    with pytest.raises(DataError, match="at least one benign row"):
        Surprisal.fit([])
    with pytest.raises(ModelError, match="finite numbers, got nan"):
        Surprisal.fit([1.0, np.nan])


def test_it_comes_back_from_json_and_an_array():
    surprisal = Surprisal.fit(np.random.default_rng(0).normal(size=300))
    curve = np.stack([surprisal.points, surprisal.heights])
    again = Surprisal.from_dict(json.loads(json.dumps(surprisal.to_dict())), curve)
    asked = np.linspace(-9, 9, 500)
    np.testing.assert_array_equal(again.of(asked), surprisal.of(asked))


@pytest.mark.parametrize("spoil", ["falling", "infinite", "flat", "empty", "scale"])
def test_a_curve_that_is_none_is_refused(spoil):
    surprisal = Surprisal.fit(np.arange(50.0))
    curve, content = np.stack([surprisal.points, surprisal.heights]), surprisal.to_dict()
    if spoil == "falling":
        curve = curve[:, ::-1]
    elif spoil == "infinite":
        curve[0, -1] = np.inf
    elif spoil == "flat":
        curve = curve[0]
    elif spoil == "empty":
        curve = np.empty((2, 0))
    else:
        content["scale"] = 0.0
    with pytest.raises(ModelError, match="rising curve"):
        Surprisal.from_dict(content, curve)
