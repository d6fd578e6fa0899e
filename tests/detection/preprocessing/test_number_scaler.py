"""A number within its group: what is unheard of there stands out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from two_columns import fitted, frame_of

from oddwire.detection.preprocessing.scaling import LIMIT, tamed
from oddwire.detection.preprocessing.table import TablePreprocessor


def two_services(rows: int = 200) -> pd.DataFrame:
    """Short answers of dns, long downloads of http."""
    random = np.random.default_rng(0)
    values = np.r_[random.lognormal(4, 0.2, rows), random.lognormal(12, 0.2, rows)]
    return frame_of(values, ["dns"] * rows + ["http"] * rows)


def test_what_is_normal_among_all_can_be_unheard_of_in_its_group(transform):
    """A download's bytes in a dns answer: normal among all rows, extreme in its group."""
    train = two_services()
    anomalous = frame_of([np.exp(12.0)], ["dns"])
    plain = fitted(train, transform)
    largest = np.abs(plain.transform(train)[:, 0]).max()
    assert np.abs(plain.transform(anomalous)[0, 0]) <= largest
    grouped = fitted(train, transform, relative_to="group")
    largest = np.abs(grouped.transform(train)[:, 0]).max()
    assert grouped.transform(anomalous)[0, 0] > largest


def test_a_small_group_is_shrunk_towards_all_rows(transform):
    train = pd.concat([two_services(), frame_of([np.exp(8.0)] * 10, ["gre"] * 10)])
    wanted = frame_of([np.exp(12.0)], ["gre"])
    alone = fitted(train, transform).transform(wanted)[0, 0]
    drawn = fitted(train, transform, relative_to="group").transform(wanted)[0, 0]
    crowd = pd.concat([two_services(), frame_of([np.exp(8.0)] * 90, ["gre"] * 90)])
    farther = fitted(crowd, transform, relative_to="group").transform(wanted)[0, 0]
    assert alone < drawn < farther
    never = frame_of([np.exp(12.0)], ["never seen"])
    assert fitted(train, transform, relative_to="group").transform(never)[0, 0] == alone


def test_both_gives_a_number_two_columns():
    train = two_services()
    train.loc[3, "bytes"] = np.nan
    both = fitted(train, relative_to="both")
    names = ["bytes", "bytes__in_group", "bytes__missing", "proto=dns", "proto=http"]
    assert list(both.feature_names_out_) == [*names, "proto__other"]
    assert both.source_columns_ == ["bytes"] * 3 + ["proto"] * 3
    plain, grouped = fitted(train), fitted(train, relative_to="group")
    np.testing.assert_array_equal(both.transform(train)[:, [0, 2, 3, 4, 5]], plain.transform(train))
    np.testing.assert_array_equal(
        both.transform(train)[:, [1, 2, 3, 4, 5]], grouped.transform(train)
    )


def test_without_categories_all_rows_are_alike(relative_to):
    train = two_services()[["bytes"]]
    plain = TablePreprocessor(["bytes"]).fit(train)
    other = TablePreprocessor(["bytes"], relative_to=relative_to).fit(train)
    assert list(other.feature_names_out_) == ["bytes"]
    np.testing.assert_array_equal(other.transform(train), plain.transform(train))


def test_a_missing_number_is_typical_of_its_group(transform):
    train = two_services()
    train.loc[::7, "bytes"] = np.nan
    missing = frame_of([np.nan], ["dns"])
    plain = fitted(train, transform).transform(missing)[0, 0]
    assert fitted(train, transform, relative_to="group").transform(missing)[0, 0] == plain


def test_a_group_counts_by_the_values_that_it_has():
    """One value among a thousand rows says hardly more than one value."""
    train = pd.concat([two_services(), frame_of([9e9] + [np.nan] * 999, ["gre"] * 1000)])
    wanted = frame_of([np.exp(4.0)], ["gre"])
    alone = fitted(train).transform(wanted)[0, 0]
    drawn = fitted(train, relative_to="group").transform(wanted)[0, 0]
    assert abs(drawn - alone) < 0.2


@pytest.mark.parametrize("value", [0.1, 1e15, 1.7e18, 1e300])
def test_a_constant_column_is_zero_in_every_group(transform, relative_to, value):
    train = frame_of([value] * 60, ["dns"] * 30 + ["http"] * 30)
    matrix = fitted(train, transform, relative_to=relative_to).transform(train)
    assert (matrix[:, : 1 + (relative_to == "both")] == 0).all()


def test_far_values_of_a_group_grow_with_their_logarithm():
    np.testing.assert_allclose(
        tamed(np.array([-13.0, -3.0, 0.5, 3.0, 13.0])),
        [-3 - 0.5 * np.log1p(10), -3, 0.5, 3, 3 + 0.5 * np.log1p(10)],
    )
    anomalous = frame_of([1e300, -1e300], ["dns", "dns"])
    column = fitted(two_services(), "standard", relative_to="group").transform(anomalous)[:, 0]
    np.testing.assert_array_equal(column, [LIMIT, -LIMIT])


@pytest.mark.parametrize("values", [[50.0], [50.0, 60.0, 1e4]])
def test_numbers_of_a_group_keep_their_order(transform, values):
    rising = frame_of(np.geomspace(1, 1e8, 200), ["dns"] * 200)
    train = pd.concat([two_services(), frame_of(values * 30, ["gre"] * 30 * len(values))])
    column = fitted(train, transform, relative_to="group").transform(rising)[:, 0]
    assert (np.diff(column) >= -1e-9).all()
