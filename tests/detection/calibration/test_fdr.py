"""Of the connections that are chosen from a batch, few are benign."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.detection.calibration.fdr import discoveries
from oddwire.errors import ParameterError

P_VALUES = st.lists(st.floats(1e-12, 1), max_size=60)
RATES = st.floats(0.001, 0.999)


@given(p=P_VALUES, rate=RATES)
def test_the_definition_of_benjamini_and_hochberg_holds(p, rate):
    ordered = sorted(p)
    m = len(p)
    adjusted = [ordered[k - 1] * m / k for k in range(1, m + 1)]
    # Where both sides are equal, either way of rounding the product is right.
    assume(all(not math.isclose(value, rate, rel_tol=1e-12) for value in adjusted))
    kept = [k for k in range(1, m + 1) if adjusted[k - 1] <= rate]
    expected = [value <= ordered[kept[-1] - 1] if kept else False for value in p]
    assert discoveries(p, rate).tolist() == expected


@given(p=P_VALUES, rates=st.tuples(RATES, RATES), smallest=st.floats(0, 1))
def test_a_stricter_rate_or_a_floor_of_p_values_never_finds_more(p, rates, smallest):
    loose = discoveries(p, max(rates))
    assert (discoveries(p, min(rates)) <= loose).all()
    assert (discoveries(p, max(rates), smallest=smallest) <= loose).all()


@pytest.mark.parametrize("attacks", [0, 50])
def test_conformal_p_values_keep_the_rate_though_they_share_their_calibration_rows(attacks):
    # Bates et al. 2023, theorem 2: each repetition calibrates anew.
    random = np.random.default_rng(2023)
    rate, benign, n, false = 0.2, 450, 1000, []
    for _ in range(400):
        calibration = ConformalCalibration.fit(random.normal(size=n))
        scores = np.append(random.normal(size=benign), random.normal(4, size=attacks))
        p, _ = calibration.p_values(scores)
        chosen = discoveries(p, rate, smallest=1 / (n + 1))
        false.append(chosen[:benign].sum() / max(chosen.sum(), 1))
    error = np.std(false) / math.sqrt(len(false))
    assert np.mean(false) <= rate * benign / (benign + attacks) + 3 * error
    if attacks:
        assert chosen[benign:].mean() > 0.5, "and it finds the attacks"


def test_no_rows_and_one_row():
    assert discoveries([], 0.1).shape == (0,)
    assert discoveries([0.05], 0.1).tolist() == [True]
    assert discoveries([0.2], 0.1).tolist() == [False]


@pytest.mark.parametrize("rate", [0, 1, -1, math.nan])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(ParameterError, match="false-discovery rate must be between 0 and 1, got"):
        discoveries([0.1], rate)


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_p_values_that_are_none_are_refused(p):
    with pytest.raises(ParameterError, match="between 0 and 1"):
        discoveries([0.5, p], 0.1)
