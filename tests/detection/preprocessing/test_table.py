"""Whatever a frame holds, the matrix is finite, and its figures come from the training rows."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
import skops.io
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.base import clone
from two_columns import fitted, frame_of

from oddwire.detection.preprocessing.data_issues import count_data_issues
from oddwire.detection.preprocessing.number_scaler import RELATIVE_TO
from oddwire.detection.preprocessing.scaling import LIMIT
from oddwire.detection.preprocessing.table import TRANSFORMS, TablePreprocessor
from oddwire.errors import DataError, ParameterError

ANY_NUMBER = st.floats(allow_nan=True, allow_infinity=True)
ANY_WORD = st.one_of(st.none(), st.text(max_size=3))


@given(
    train=st.lists(st.tuples(ANY_NUMBER, ANY_WORD), min_size=1, max_size=30),
    test=st.lists(st.tuples(ANY_NUMBER, ANY_WORD), max_size=30),
    name=st.sampled_from(TRANSFORMS),
    relative=st.sampled_from(RELATIVE_TO),
)
@example(train=[(1e308, None)], test=[(-1e308, "x")], name="standard", relative="all")
@settings(max_examples=60, deadline=None)
def test_any_frame_gives_a_finite_matrix(train, test, name, relative):
    repeated = frame_of(*zip(*(train * 10), strict=True))  # enough rows for groups
    preprocessor = fitted(repeated, name, max_categories=3, relative_to=relative)
    rows = frame_of(*(zip(*test, strict=True) if test else ([], [])))
    matrix = preprocessor.transform(rows)
    assert matrix.dtype == np.float64
    assert matrix.flags.c_contiguous
    assert matrix.shape == (len(rows), len(preprocessor.feature_names_out_))
    assert np.isfinite(matrix).all()
    assert np.abs(matrix).max(initial=0) <= LIMIT


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60))
@example(values=[1.0, 2.225073858507e-311, -5e-324])
@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("relative", RELATIVE_TO)
def test_larger_numbers_never_come_out_smaller(name, relative, values):
    preprocessor = fitted(frame_of(values * 10), name, relative_to=relative)
    rising = np.sort(np.r_[values, np.linspace(-2e6, 2e6, 41)])
    matrix = preprocessor.transform(frame_of(rising))
    assert (np.diff(matrix[:, : 1 + (relative == "both")], axis=0) >= -1e-9).all()


def test_standard_has_zero_mean_and_unit_variance():
    values = np.random.default_rng(0).normal(50, 9, 500)
    column = fitted(frame_of(values), "standard").transform(frame_of(values))[:, 0]
    np.testing.assert_allclose(column, (values - values.mean()) / values.std(), rtol=1e-12)


def test_log_standard_takes_the_signed_logarithm_first():
    values = np.array([-1e6, -10.0, 0.0, 10.0, 1e6])
    column = fitted(frame_of(values), "log_standard").transform(frame_of(values))[:, 0]
    logs = np.sign(values) * np.log1p(np.abs(values))
    np.testing.assert_allclose(column, logs / logs.std(), atol=1e-12)


def test_quantiles_are_ranks():
    values = np.random.default_rng(0).lognormal(5, 3, 5000)
    ranks = (np.argsort(np.argsort(values)) + 0.5) / 5000
    uniform = fitted(frame_of(values), "quantile_uniform").transform(frame_of(values))[:, 0]
    normal = fitted(frame_of(values), "quantile_normal").transform(frame_of(values))[:, 0]
    np.testing.assert_allclose(uniform, ranks - 0.5, atol=2e-3)
    near = np.abs(norm.ppf(ranks)) < 2.5
    np.testing.assert_allclose(normal[near], norm.ppf(ranks)[near], atol=0.02)


def test_tied_values_stand_at_their_mean_rank():
    values = [0.0] * 90 + [5.0] * 10
    preprocessor = fitted(frame_of(values), "quantile_uniform")
    column = preprocessor.transform(frame_of([0.0, 5.0]))[:, 0]
    np.testing.assert_allclose(column, [0.45 - 0.5, 0.95 - 0.5])


@pytest.mark.parametrize("name", ["quantile_uniform", "quantile_normal"])
def test_beyond_the_training_range_more_is_farther(name):
    preprocessor = fitted(frame_of(np.random.default_rng(0).lognormal(5, 1, 1000)), name)
    column = preprocessor.transform(frame_of([1e5, 1e6, 1e7, 1e8]))[:, 0]
    assert (np.diff(column) > 0.1).all()


def test_one_extreme_value_is_clipped(transform):
    values = np.random.default_rng(0).normal(size=300)
    column = fitted(frame_of(values), transform).transform(frame_of([1e300, -1e300]))[:, 0]
    np.testing.assert_array_equal(column, [LIMIT, -LIMIT])


def test_infinity_becomes_the_nearer_end_of_the_training_range(transform):
    preprocessor = fitted(frame_of([1.0, 2.0, np.inf, 9.0, -np.inf]), transform)
    column = preprocessor.transform(frame_of([np.inf, 9.0, -np.inf, 1.0]))[:, 0]
    assert column[0] == column[1] > column[2] == column[3]


def test_missing_becomes_the_median_and_is_marked_where_training_had_it(transform):
    preprocessor = fitted(frame_of([1.0, 2.0, np.nan, 9.0]), transform)
    matrix = preprocessor.transform(frame_of([np.nan, 2.0]))
    assert list(preprocessor.feature_names_out_[:2]) == ["bytes", "bytes__missing"]
    assert matrix[0, 0] == matrix[1, 0]
    np.testing.assert_array_equal(matrix[:, 1], [1, 0])


def test_a_constant_column_is_zero_until_it_changes(transform):
    preprocessor = fitted(frame_of([0.1] * 9), transform)
    column = preprocessor.transform(frame_of([0.1, 3.0]))[:, 0]
    assert column[0] == 0
    assert column[1] > 0.5


def test_a_column_without_a_value_gives_no_output(transform):
    preprocessor = fitted(frame_of([np.nan, np.nan]), transform)
    assert list(preprocessor.feature_names_out_) == ["proto=tcp", "proto__other"]
    assert preprocessor.transform(frame_of([4.0])).tolist() == [[1.0, 0.0]]


def test_nothing_at_all_to_learn_is_an_error():
    empty = pd.DataFrame({"bytes": [np.nan]})
    with pytest.raises(DataError, match="no feature column with a value"):
        TablePreprocessor(["bytes"]).fit(empty)
    with pytest.raises(DataError, match="at least one training row"):
        TablePreprocessor(["bytes"]).fit(empty.iloc[:0])


def test_rare_unseen_and_missing_categories_have_their_places():
    train = frame_of(range(8), ["tcp", "tcp", "tcp", "udp", "udp", "icmp", "gre", None])
    preprocessor = fitted(train, max_categories=2)
    names = ["bytes", "proto=tcp", "proto=udp", "proto__other", "proto__missing"]
    assert list(preprocessor.feature_names_out_) == names
    assert preprocessor.source_columns_ == ["bytes"] + ["proto"] * 4
    matrix = preprocessor.transform(frame_of([1, 1, 1, 1], ["udp", "icmp", "never", None]))
    np.testing.assert_array_equal(
        matrix[:, 1:], [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    )


@pytest.mark.parametrize(
    ("relative", "numbers"),
    [
        ("all", ["x", "x__missing", "proto=tcp", "x__missing_"]),
        ("group", ["x__in_group", "x__missing__in_group", "proto=tcp__in_group", "x__missing_"]),
        (
            "both",
            [
                "x", "x__missing", "proto=tcp", "x__in_group", "x__missing__in_group",
                "proto=tcp__in_group", "x__missing_",
            ],
        ),
    ],
)  # fmt: skip
def test_a_made_column_takes_no_name_that_a_column_of_the_frame_has(relative, numbers):
    """Else whoever looks a column up by its name would find two, or the wrong one."""
    train = pd.DataFrame({
        "x": [1.0, np.nan, 3.0] * 10, "x__missing": [5.0, 6.0, 7.0] * 10, "proto=tcp": range(30),
        "proto": ["tcp", "udp", "tcp"] * 10, "proto__other": ["a"] * 30,
    })  # fmt: skip
    preprocessor = TablePreprocessor(list(train)[:3], list(train)[3:], relative_to=relative)
    matrix = preprocessor.fit_transform(train)
    names = list(preprocessor.feature_names_out_)
    made = ["proto=tcp_", "proto=udp", "proto__other_", "proto__other=a", "proto__other__other"]
    assert names == numbers + made
    assert preprocessor.source_columns_[len(numbers) - 1] == "x"
    assert matrix[:3, names.index("x__missing_")].tolist() == [0, 1, 0]
    assert matrix[:3, names.index("proto=tcp_")].tolist() == [1, 0, 1]
    shown = preprocessor.set_output(transform="pandas").transform(train)
    assert shown["proto=udp"].tolist() == [0, 1, 0] * 10


def test_columns_made_of_different_columns_are_never_called_alike():
    train = pd.DataFrame({"a": ["b=c", "b"], "a=b": ["c", "c"], "a=b=c_": ["d", "d"]})
    names = list(TablePreprocessor([], list(train)).fit(train).feature_names_out_)
    assert names[:5] == ["a=b_", "a=b=c", "a__other", "a=b=c__", "a=b__other"]
    assert len(set(names)) == len(names)


def test_a_missing_category_that_training_never_had_counts_as_other():
    matrix = fitted(frame_of([1, 2])).transform(frame_of([1.0], [None]))
    np.testing.assert_array_equal(matrix[0, 1:], [0, 1])


def test_whole_numbers_are_one_category_as_integers_and_as_floats():
    train = pd.DataFrame({"bytes": [1.0, 2.0], "proto": [6, 17]})
    test = pd.DataFrame({"bytes": [1.0, 2.0], "proto": [6.0, np.nan]})
    preprocessor = fitted(train)
    assert list(preprocessor.feature_names_out_[1:]) == ["proto=17", "proto=6", "proto__other"]
    np.testing.assert_array_equal(preprocessor.transform(test)[:, 1:], [[0, 1, 0], [0, 0, 1]])


def test_nullable_and_boolean_columns_are_numbers():
    train = pd.DataFrame({"bytes": pd.array([1, None, 3], dtype="Int64"), "proto": ["a", "b", "a"]})
    assert fitted(train).transform(train)[:, 1].tolist() == [0, 1, 0]
    flags = pd.DataFrame({"bytes": [True, False], "proto": ["a", "b"]})
    assert np.isfinite(fitted(flags).transform(flags)).all()


def test_the_order_of_the_training_rows_is_no_matter(transform, relative_to):
    random = np.random.default_rng(0)
    train = frame_of(random.lognormal(3, 2, 200), random.choice(list("abcdef"), 200))
    shuffled = train.sample(frac=1, random_state=1)
    options = {"max_categories": 3, "relative_to": relative_to}
    one, two = (fitted(rows, transform, **options) for rows in (train, shuffled))
    assert list(one.feature_names_out_) == list(two.feature_names_out_)
    np.testing.assert_allclose(one.transform(train), two.transform(train), atol=1e-9)


def test_rows_are_mapped_one_by_one(monkeypatch, transform, relative_to):
    random = np.random.default_rng(0)
    train = frame_of(random.normal(size=50), random.choice(list("abc"), 50))
    preprocessor = fitted(train, transform, relative_to=relative_to)
    whole = preprocessor.transform(train)
    monkeypatch.setattr("oddwire.detection.preprocessing.scaling_loops._TILE_ROWS", 7)
    np.testing.assert_array_equal(preprocessor.transform(train), whole)
    np.testing.assert_array_equal(preprocessor.transform(train.iloc[[3]]), whole[[3]])


def test_the_frame_is_left_alone():
    train = frame_of([np.nan, np.inf, 3.0])
    before = train.copy()
    fitted(train).transform(train)
    pd.testing.assert_frame_equal(train, before)


def test_data_issues_are_counted_per_column():
    train = frame_of(range(5), ["tcp", "tcp", "udp", "udp", "icmp"])
    preprocessor = fitted(train, max_categories=2)
    rows = frame_of([np.nan, np.inf, -np.inf, 1.0, 2.0], ["icmp", "never", None, "tcp", "new"])
    counts = count_data_issues(preprocessor, rows)
    assert counts.missing == {"bytes": 1, "proto": 1}
    assert counts.infinite == {"bytes": 2}
    assert counts.unseen == {"proto": 2}  # icmp is rare, but training had it
    clean = count_data_issues(preprocessor, train)
    assert (clean.missing, clean.infinite, clean.unseen) == ({}, {}, {})


def test_errors_name_column_and_value():
    preprocessor = fitted(frame_of([1.0, 2.0]))
    with pytest.raises(DataError, match="column 'proto' is missing"):
        preprocessor.transform(frame_of([1.0])[["bytes"]])
    with pytest.raises(DataError, match="column 'bytes' must hold numbers, got 'many'"):
        preprocessor.transform(pd.DataFrame({"bytes": [1, "many"], "proto": ["a", "b"]}))


def test_wrong_options_are_named():
    with pytest.raises(ParameterError, match=r"transform must be one of standard.*got 'cubic'"):
        fitted(frame_of([1.0]), "cubic")
    with pytest.raises(ParameterError, match="max_categories must be at least 1, got 0"):
        fitted(frame_of([1.0]), max_categories=0)
    with pytest.raises(ParameterError, match=r"relative_to must be one of all.*got 'none'"):
        fitted(frame_of([1.0]), relative_to="none")
    with pytest.raises(ValueError, match="Invalid parameter 'bins'"):
        TablePreprocessor().set_params(bins=3)


def test_it_can_be_cloned_and_set_by_scikit_learn_s_names():
    preprocessor = TablePreprocessor(["bytes"], ["proto"], "standard", max_categories=5)
    copy = clone(preprocessor).set_params(transform="quantile_normal")
    assert copy.get_params() == preprocessor.get_params() | {"transform": "quantile_normal"}


def test_it_is_saved_and_loaded_without_pickle(tmp_path, transform, relative_to):
    random = np.random.default_rng(0)
    train = frame_of(random.lognormal(3, 2, 200), random.choice(list("abcdef"), 200))
    train.loc[::9, "bytes"] = np.nan
    preprocessor = fitted(train, transform, max_categories=3, relative_to=relative_to)
    file = tmp_path / "preprocessor.skops"
    skops.io.dump(preprocessor, file)
    allowed = [
        "oddwire.detection.preprocessing.number_scaler.NumberScaler",
        "oddwire.detection.preprocessing.table.TablePreprocessor",
    ]
    assert skops.io.get_untrusted_types(file=file) == allowed
    loaded = skops.io.load(file, trusted=allowed)
    np.testing.assert_array_equal(loaded.transform(train), preprocessor.transform(train))
    assert count_data_issues(loaded, train) == count_data_issues(preprocessor, train)


@pytest.mark.slow
def test_many_rows_and_many_categories_stay_cheap():
    """100,000 rows of 10 columns and as many categories as rows take seconds, not minutes."""
    random = np.random.default_rng(0)
    train = pd.DataFrame(
        random.lognormal(3, 2, (100_000, 10)), columns=[f"x{i}" for i in range(10)]
    )
    train["uri"] = [f"/{i}" for i in random.permutation(100_000)]
    start = time.perf_counter()
    preprocessor = TablePreprocessor(
        list(train.columns[:-1]), ["uri"], "quantile_normal", relative_to="both"
    )
    matrix = preprocessor.fit(train).transform(train)
    assert matrix.shape == (100_000, 10 + 32 + 1)
    assert time.perf_counter() - start < 30
