"""Test rows that were trained on: a training says so, and promotes nothing by them."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml

from oddwire.operations.training.page import leaderboard_markdown

pytestmark = pytest.mark.slow


def test_a_training_tells_the_share_and_keeps_the_model_from_being_champion(train, bare, make_rows):
    params = yaml.safe_load(bare.params_file.read_text())
    params["sources"]["desk"]["test"] = "test.csv"
    bare.params_file.write_text(yaml.safe_dump(params))
    seen = pd.read_csv(bare.root / "rows.csv", float_precision="round_trip").head(150)
    rows = pd.concat([make_rows(150, seed=5), seen])
    rows.to_csv(bare.root / "test.csv", index=False)
    result = train().result
    assert result.shared_rows.startswith("150 of 300 test rows (50 %) also occur before")
    assert (result.promoted, result.champion) == (False, None)
    assert "50 % of the test rows also occur before the test part" in result.reason
    assert result.shared_rows in leaderboard_markdown(result, str)
