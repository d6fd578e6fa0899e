"""A table whose source names campaigns is measured by them, and told which the split cut."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from items import of, texts

from oddwire.operations.tracking.items import Table
from oddwire.operations.training import records
from oddwire.operations.training.page import leaderboard_markdown
from oddwire.operations.training.results import Validation

HOSTILE = "<script>alert(1)</script> | \x1b[2J **actor**"


@pytest.fixture
def trained(bare, make_rows, train):
    """Three actors, of whom a random split leaves rows in each part; some attacks are of none."""
    rows = make_rows(600, seed=2)
    attacks = np.flatnonzero(rows["label"] == 1)
    rows["actor"] = None
    rows.loc[attacks[:90], "actor"] = [f"actor {number % 3}" for number in range(90)]
    rows.loc[attacks[:1], "actor"] = HOSTILE
    rows.to_csv(bare.root / "rows.csv", index=False)
    params = yaml.safe_load(bare.params_file.read_text())
    params["sources"]["desk"]["campaign"] = "actor"
    bare.params_file.write_text(yaml.safe_dump(params))
    return train()


def test_campaigns_are_measured_and_those_that_the_split_cut_are_told(trained):
    test = trained.run.prepared.part("test")
    found = trained.evaluated.report.campaigns
    attacks = test[test["label"] == 1]
    assert found.campaigns["rows"].sum() == attacks["campaign"].notna().sum()
    assert found.rows_without == attacks["campaign"].isna().sum() > 0
    cut = found.campaigns.set_index("campaign")["begun_before"]
    assert cut[["actor 0", "actor 1", "actor 2"]].all()
    assert trained.run.prepared.campaigns.cut == found.begun_before == cut.sum()
    row = trained.result.leaderboard[0]
    assert (row["campaigns"], row["campaigns_found"]) == (len(cut), found.summary.found)
    assert row["undefined"]["minutes_to_first_alert"] == "the rows have no times"
    assert f"hold {found.begun_before} of the" in trained.result.cut_campaigns or len(cut) == 1
    assert "Campaigns in two parts" in leaderboard_markdown(trained.result)


def test_the_report_counts_attacks_of_no_campaign_apart(trained):
    report = trained.evaluated.report
    items = list(records.detector_items(report, Validation("family_log_auc", 0.5)))
    text = texts(items)["reports/test.txt"]
    assert f"attack rows of no known campaign: {report.campaigns.rows_without:,}, " in text
    assert "first alert" not in text.split("campaigns found")[1].split("family")[0]
    (table,) = (item.frame for item in of(Table, items) if "campaigns" in item.file)
    assert json.loads(table.to_json())
    assert "\x1b" not in text
