"""Campaigns are counted in each part; those that the split cut in two are told."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from oddwire.traffic.splitting.campaign_parts import CampaignParts, count_campaigns


def rows(*campaigns, label=1):
    return pd.DataFrame({
        "label": pd.array([label] * len(campaigns), dtype="Int8"),
        "campaign": pd.Series(campaigns, dtype=object),
    })  # fmt: skip


def test_a_campaign_in_two_parts_is_cut_whatever_piece_it_is_in():
    found = count_campaigns({
        "train": [rows("a", None, label=0)],
        "validation": [rows("a", "a"), rows("a", "b", None)],
        "test": [rows("c"), rows("b", "b", "c", None, None)],
    })  # fmt: skip
    assert dict(found.campaigns) == {"train": 0, "validation": 2, "test": 2}
    assert (found.cut, found.cut_rows) == (1, 2)
    assert dict(found.without) == {"train": 0, "validation": 1, "test": 2}
    assert "hold 1 of the 2 campaigns in it too (2 rows of it)" in found.sentence
    kept = json.loads(json.dumps(found.summary()))
    assert CampaignParts.from_summary(kept) == found


def test_a_campaign_on_both_sides_before_the_test_is_not_cut():
    found = count_campaigns({"train": [rows("a")], "validation": [rows("a")], "test": [rows("b")]})
    assert found.cut == 0
    assert found.sentence == ""


@pytest.mark.parametrize(
    "piece",
    [rows(None, None), rows("a", label=0), rows("a", label=None), rows("a")[["label"]],
     rows("a")[["campaign"]]],
)  # fmt: skip
def test_where_no_attack_names_a_campaign_nothing_is_known(piece):
    found = count_campaigns({"validation": [piece], "test": [piece]})
    assert found == CampaignParts()
    assert found.summary() is None
    assert CampaignParts.from_summary(None) == found
