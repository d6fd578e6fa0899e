"""Every detector keeps scikit-learn's contract and ours; a new one joins by itself."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks
from small_models import QUICK

from oddwire.detection.detectors import (
    DETECTORS,
    anomaly_score,
    build_detector,
    default_parameters,
    search_space,
)
from oddwire.detection.preprocessing.table import TablePreprocessor
from oddwire.detection.search_space import Choice, FloatRange, IntRange, When
from oddwire.errors import ParameterError
from oddwire.params import DetectorName

# Checks of scikit-learn that a detector may fail, with the reason.
EXPECTED_FAILURES: dict[str, dict[str, str]] = {}


def quick(name: str, seed: int = 0) -> Any:
    return build_detector(name, QUICK.get(name, {}), random_state=seed)


def expected_failures(estimator: Any) -> dict[str, str]:
    return EXPECTED_FAILURES.get(type(estimator).__name__, {})


def test_the_settings_know_every_detector_and_no_other():
    assert get_args(DetectorName) == tuple(DETECTORS)


@parametrize_with_checks(
    [quick(name) for name in DETECTORS], expected_failed_checks=expected_failures
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.fixture(scope="module", params=list(DETECTORS))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(name):
    return quick(name).fit(rows(300, 8))


def rows(count: int, columns: int, seed: int = 0) -> np.ndarray:
    """Rows near a plane of three dimensions, as benign traffic lies near few patterns."""
    random = np.random.default_rng(seed)
    directions = np.random.default_rng(99).normal(size=(3, columns)) / np.sqrt(columns)
    return random.normal(size=(count, 3)) @ directions + 0.1 * random.normal(size=(count, columns))


def test_the_same_seed_gives_the_same_scores(name, fitted):
    X = rows(300, 8)
    np.testing.assert_array_equal(anomaly_score(quick(name).fit(X), X), anomaly_score(fitted, X))


@pytest.mark.parametrize("columns", [1, 8, 400])
def test_scores_are_finite_spread_and_higher_for_far_rows(name, columns):
    """Of one column, of some, and of more columns than rows."""
    X = rows(300, columns)
    detector = quick(name).fit(X)
    scores = anomaly_score(detector, rows(200, columns, seed=1))
    assert scores.dtype == np.float64
    assert scores.shape == (200,)
    assert np.isfinite(scores).all()
    assert len(np.unique(scores)) > 100
    assert scores.std() > 1e-6 * np.abs(scores).max()
    trained, far = anomaly_score(detector, X), anomaly_score(detector, X[:50] + 15.0)
    assert np.median(far) > np.quantile(trained, 0.9)


def test_the_decision_is_the_score_less_the_offset(fitted):
    X = rows(300, 8)
    scores, decision = fitted.score_samples(X), fitted.decision_function(X)
    np.testing.assert_array_equal(decision, scores - fitted.offset_)
    np.testing.assert_array_equal(fitted.predict(X), np.where(decision < 0, -1, 1))
    np.testing.assert_array_equal(anomaly_score(fitted, X), -scores)
    assert np.ndim(fitted.offset_) == 0


def test_a_row_scores_the_same_alone_and_among_others(fitted):
    X = rows(300, 8)
    whole = anomaly_score(fitted, X)
    for size in (1, 3, 64, 299):
        cut = [anomaly_score(fitted, X[start : start + size]) for start in (0, 7, 60)]
        parts = [whole[start : start + size] for start in (0, 7, 60)]
        np.testing.assert_array_equal(np.concatenate(cut), np.concatenate(parts))


def test_constant_columns_and_repeated_rows_do_no_harm(name):
    X = np.repeat(rows(60, 4), 5, axis=0)
    X = np.hstack([X, np.zeros((300, 1)), np.full((300, 1), 7.0)])
    scores = anomaly_score(quick(name).fit(X), X)
    assert np.isfinite(scores).all()
    assert len(np.unique(scores.round(12))) > 30


def test_rows_that_are_all_the_same_can_be_fitted(name):
    X = np.full((50, 3), 2.0)
    assert np.isfinite(anomaly_score(quick(name).fit(X), X)).all()


def test_few_rows_can_be_fitted(name):
    X = rows(5, 3)
    assert np.isfinite(anomaly_score(quick(name).fit(X), X)).all()


def test_the_data_is_left_alone(name):
    X = rows(50, 8)
    before = X.copy()
    quick(name).fit(X).score_samples(X)
    np.testing.assert_array_equal(X, before)


def test_defaults_lie_in_the_search_space(name):
    space, defaults = search_space(name), default_parameters(name)
    for key, dimension in space.items():
        if isinstance(dimension, When) and not dimension.holds(defaults):
            # Else the first trial of a study would not be the defaults.
            assert dimension.otherwise == defaults.get(key), key
            continue
        plain = dimension.then if isinstance(dimension, When) else dimension
        if isinstance(plain, Choice):
            assert defaults[key] in plain.values, key
        else:
            assert plain.low <= defaults[key] <= plain.high, key


def test_every_dimension_is_a_parameter_of_detector_or_preprocessing(name):
    known = {
        "preprocessing": set(TablePreprocessor().get_params()) - {"numeric", "categorical"},
        "detector": set(quick(name).get_params()),
    }
    for key, dimension in search_space(name).items():
        part, _, parameter = key.partition("__")
        assert parameter in known[part]
        plain = dimension.then if isinstance(dimension, When) else dimension
        assert isinstance(plain, Choice | FloatRange | IntRange)


def test_both_kinds_of_keys_build_the_same_detector(name):
    key, value = next(
        (key, value)
        for key, value in default_parameters(name).items()
        if key.startswith("detector__")
    )
    short = key.removeprefix("detector__")
    for params in ({key: value}, {short: value, "preprocessing__transform": "standard"}):
        assert build_detector(name, params, random_state=0).get_params()[short] == value


def test_an_unknown_detector_is_named():
    with pytest.raises(ParameterError, match="'forest': there are isolation_forest"):
        build_detector("forest", random_state=0)


def test_an_unknown_parameter_is_named(name):
    with pytest.raises(ParameterError, match=f"{name} has no parameter 'trees'"):
        build_detector(name, {"trees": 3}, random_state=0)
