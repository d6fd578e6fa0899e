"""Columns for a detector that prepares them itself: numbers as they are, categories as codes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from oddwire.detection.preprocessing.data_issues import count_data_issues
from oddwire.detection.preprocessing.encoding import TableEncoder
from oddwire.detection.preprocessing.table import TablePreprocessor
from oddwire.errors import DataError, ParameterError


def frame():
    return pd.DataFrame({
        "bytes": [1.0, np.inf, np.nan, -4.0],
        "proto": ["tcp", None, "udp", "tcp"],
        "packets": [1, 2, 3, 4],
    })  # fmt: skip


def encoder(**settings):
    return TableEncoder(("bytes", "packets"), ("proto",), **settings)


def test_numbers_stay_and_categories_become_codes_by_frequency():
    found = encoder().fit_transform(frame())
    expected = [[1, 1, 0], [np.inf, 2, np.nan], [np.nan, 3, 1], [-4, 4, 0]]
    np.testing.assert_array_equal(found, expected)
    assert encoder().fit(frame()).feature_names_out_ == ["bytes", "packets", "proto"]


def test_rare_and_new_categories_share_a_code():
    fitted = encoder(max_categories=1).fit(frame())
    asked = frame().assign(proto=["udp", "gre", "tcp", None])
    np.testing.assert_array_equal(fitted.transform(asked)[:, 2], [1, 1, 0, np.nan])
    assert count_data_issues(fitted, asked).unseen == {"proto": 1}


def test_a_preprocessing_of_the_codes_gives_the_matrix_of_the_frame():
    random = np.random.default_rng(0)
    rows = pd.DataFrame({
        "bytes": np.where(random.random(500) < 0.1, np.nan, random.lognormal(5, 2, 500)),
        "packets": random.poisson(3, 500),
        "proto": random.choice(np.array(["tcp", "udp", "icmp", None], object), 500),
    })  # fmt: skip
    asked = rows.assign(proto=random.choice(np.array(["tcp", "gre", None], object), 500))
    names = ["bytes", "packets", "proto"]
    encoded = encoder().fit(rows)
    codes, codes_asked = (pd.DataFrame(encoded.transform(x), columns=names) for x in (rows, asked))
    for transform in ("log_standard", "quantile_uniform"):
        table = TablePreprocessor(names[:2], names[2:], transform)
        expected = table.fit(rows).transform(asked)
        np.testing.assert_array_equal(table.fit(codes).transform(codes_asked), expected)


def test_columns_can_be_chosen():
    chosen = encoder(columns=["proto", "bytes"]).fit(frame())
    assert chosen.feature_names_out_ == ["bytes", "proto"]
    assert chosen.chosen == (["bytes"], ["proto"])
    assert chosen.transform(frame()).shape == (4, 2)


def test_bad_settings_and_columns_are_named():
    with pytest.raises(ParameterError, match="max_categories must be at least 1, got 0"):
        encoder(max_categories=0).fit(frame())
    with pytest.raises(ParameterError, match="must be feature columns, got 'ttl'"):
        encoder(columns=["ttl"]).fit(frame())
    with pytest.raises(DataError, match="at least one training row"):
        encoder().fit(frame().head(0))
    with pytest.raises(DataError, match="'bytes' must hold numbers"):
        encoder().fit(frame().assign(bytes="many"))
