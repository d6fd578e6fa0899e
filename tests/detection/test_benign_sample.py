"""Benign rows are kept as they were, and the nearest one is found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.detection.benign_sample import MOST_ROWS, BenignSample, sample_places
from oddwire.errors import DataError
from oddwire.traffic.schema import FeatureSchema

SCHEMA = FeatureSchema(("n",), ("c",))


def test_of_many_calibration_rows_a_sample_is_kept():
    assert sample_places(5).tolist() == [0, 1, 2, 3, 4]
    kept = sample_places(10 * MOST_ROWS)
    assert len(np.unique(kept)) == MOST_ROWS
    assert kept.min() >= 0
    assert kept.max() > 9 * MOST_ROWS
    np.testing.assert_array_equal(kept, sample_places(10 * MOST_ROWS))


def test_a_sample_needs_a_row():
    with pytest.raises(DataError, match="at least one benign row"):
        BenignSample.fit(pd.DataFrame({"n": [], "c": []}), SCHEMA)


NUMBERS = st.one_of(st.floats(width=32), st.none())
WORDS = st.one_of(st.sampled_from(["tcp", "udp", "6", ""]), st.none())


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBERS, WORDS), min_size=1, max_size=20))
def test_kept_rows_come_back_as_they_were_and_are_their_own_nearest(pairs):
    frame = pd.DataFrame(pairs, columns=["n", "c"]).astype({"n": float, "c": object})
    sample = BenignSample.fit(frame, SCHEMA)
    back = sample.frame()
    np.testing.assert_array_equal(back["n"], frame["n"])
    assert back["c"].where(back["c"].notna(), None).tolist() == [
        None if pd.isna(word) else word for word in frame["c"]
    ]
    encoded = sample.encode(frame)
    np.testing.assert_array_equal(encoded, sample.rows)
    everyone = np.ones(len(frame), dtype=bool)
    np.testing.assert_array_equal(sample.rows[sample.nearest(encoded, everyone)], encoded)
    only = np.arange(len(frame)) == len(frame) // 2
    assert (sample.nearest(encoded, only) == len(frame) // 2).all()
    quantiles = sample.quantiles(encoded)[:, 0]
    assert ((quantiles > 0) & (quantiles < 1) | np.isnan(frame["n"].to_numpy())).all()
    shares = sample.shares(encoded)
    assert ((shares > 0) & (shares <= 1)).all()
