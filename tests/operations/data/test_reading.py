"""A period of an archive, read in batches."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from oddwire.operations.data.reading import read_period
from oddwire.params import SimulatedSource
from oddwire.traffic.archive import open_archive, write_rows
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES
from oddwire.traffic.features.in_batches import LOOK_BACK, FeaturesInBatches
from oddwire.traffic.sources import open_source


def test_a_period_looks_back_on_the_days_before_it_however_it_is_read(tmp_path):
    source = SimulatedSource(format="simulated", days=5, connections_per_day=300)
    write_rows(open_source(source, root=tmp_path), tmp_path)
    archive = open_archive(tmp_path)
    start = archive.last - dt.timedelta(days=1)
    end = start + dt.timedelta(hours=20)
    features = FeaturesInBatches("connections", CONNECTION_FEATURES)
    features.take(archive.read("train", since=start - LOOK_BACK, until=start))
    expected = features.of(archive.read("train", since=start, until=end))
    assert (expected["new_dst_connections"] > 0).any()  # which only a memory of days can tell
    for rows in (70, 10**6):
        found = read_period(archive, ["train"], start, end, CONNECTION_FEATURES, rows=rows)
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
