"""Scored rows keep their units and campaigns in a file, and older files are read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from oddwire.evaluation.scored_rows import ScoredRows


def connections():
    return pd.DataFrame({
        "ts": pd.to_datetime([0, 10, 20, 700], unit="s", utc=True),
        "end": pd.to_datetime([5, 12, 30, 705], unit="s", utc=True),
        "src_ip": ["10.0.0.2", "10.0.0.1", None, "10.0.0.2"],
        "label": pd.array([0, 1, None, 1], dtype="Int8"),
        "attack": [None, "scan", None, "scan"],
        "campaign": [None, "scan 1", None, "scan 2"],
    })  # fmt: skip


def table(**columns):
    return pd.DataFrame({"x": [1.0, 2.0], "label": [0, 1], **columns})


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        (connections(), "source and time"),
        (table(unit=["a", "b"]), "source"),
        (table(), "row"),
        (table(ts=pd.to_datetime([0, 90_000], unit="s", utc=True)), "row"),
    ],
)
def test_units_and_campaigns_are_read_back_as_they_were_saved(tmp_path, rows, kind):
    scored = ScoredRows.of(rows, np.arange(len(rows)) * 1.0, minutes=7.5)
    scored.save(tmp_path / "scores.parquet")
    back = ScoredRows.load(tmp_path / "scores.parquet")
    assert back.units.kind == scored.units.kind == kind
    assert back.units.minutes == 7.5
    assert back.units.codes.tolist() == scored.units.codes.tolist()
    assert back.units.sources.tolist() == scored.units.sources.tolist()
    if kind != "row":
        assert back.units.names.tolist() == scored.units.names.tolist()
    for one, other in (
        (back.units.clock, scored.units.clock), (back.campaign, scored.campaign),
        (back.clusters, scored.clusters),
    ):  # fmt: skip
        assert (one is None) == (other is None)
        assert one is None or one.tolist() == other.tolist()


def test_a_wide_name_is_written_once_however_many_rows_have_it(tmp_path):
    wide = "x" * 1000
    rows = table(unit=[wide, "b"])
    ScoredRows.of(pd.concat([rows] * 50, ignore_index=True), np.zeros(100)).save(tmp_path / "it")
    names = pd.read_parquet(tmp_path / "it")["source_name"]
    assert names.notna().sum() == 2
    assert ScoredRows.load(tmp_path / "it").units.names.tolist() == [wide, "b"]


def test_the_rows_of_a_campaign_are_a_cluster():
    scored = ScoredRows.of(connections(), np.zeros(4))
    assert scored.campaign.tolist() == [None, "scan 1", None, "scan 2"]
    assert len(np.unique(scored.clusters[[1, 3]])) == 2
    assert not set(scored.clusters[[1, 3]]) & set(scored.clusters[[0, 2]])


def test_a_file_from_before_units_is_read(tmp_path):
    old = pd.DataFrame({"label": [0.0, 1.0], "score": [0.1, 0.9], "attack": [None, "scan"]})
    old.to_parquet(tmp_path / "old.parquet")
    back = ScoredRows.load(tmp_path / "old.parquet")
    assert back.scores.tolist() == [0.1, 0.9]
    assert back.units is back.campaign is back.clusters is back.p_values is None
