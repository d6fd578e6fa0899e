"""The most unusual alerts of a scored file come with their odds, their connection and why."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from oddwire.operations.scoring.score_file import score_file
from oddwire.operations.scoring.unusual import MOST_SHOWN, UnusualAlert
from oddwire.percent import odds


@pytest.fixture
def current(tmp_path, make_rows):
    """A file of rows with addresses, which are no features."""
    rows = make_rows(400, seed=9, attacks=0.2).drop(columns=["label", "attack"])
    rows["src_ip"] = [f"10.0.0.{row % 250}" for row in range(400)]
    rows["dst_ip"] = "\x1b[31mhost" + "h" * 10_000
    rows["dst_port"] = np.where(np.arange(400) % 2, "22", "")
    file = tmp_path / "current.csv"
    rows.to_csv(file, index=False)
    return file


def test_the_most_anomalous_alerts_are_told_in_order(desk, current, tmp_path):
    done = score_file(desk.project, "desk", current, tmp_path / "out.parquet", explain_most=3)
    scored = pd.read_parquet(tmp_path / "out.parquet")
    assert done.alert_rate == done.alerts / 400
    assert done.alerts > MOST_SHOWN == len(done.unusual)
    first = scored.sort_values("anomaly_score", ascending=False, kind="stable").head(MOST_SHOWN)
    assert [alert.row for alert in done.unusual] == first.index.tolist()
    assert [alert.score for alert in done.unusual] == first["anomaly_score"].tolist()
    assert [alert.p_value for alert in done.unusual] == first["p_value"].tolist()
    for alert in done.unusual[:3]:
        assert alert.why == scored["why"][alert.row]
    assert not any(alert.reasons for alert in done.unusual[3:])


def test_what_tells_connections_apart_is_named_short_and_harmless(desk, current, tmp_path):
    done = score_file(desk.project, "desk", current, tmp_path / "out.csv")
    for alert in done.unusual:
        known = dict(alert.identifiers)
        assert known["src_ip"] == f"10.0.0.{alert.row % 250}"
        assert len(known["dst_ip"]) == 64
        assert alert.connection.isprintable()
        assert alert.connection.startswith(f"10.0.0.{alert.row % 250} -> ")
        assert alert.connection.endswith(":22") == (alert.row % 2 == 1)
    assert {alert.why for alert in done.unusual} == {""}


def test_a_scored_file_is_json(desk, current, tmp_path):
    done = score_file(desk.project, "desk", current, tmp_path / "out.csv", explain_most=1)
    content = json.loads(json.dumps(done.to_dict(), allow_nan=False))
    assert content["out"] == str(tmp_path / "out.csv")
    assert content["explanations"] == str(tmp_path / "out.explained.csv")
    assert content["alert_rate"] == done.alert_rate
    assert content["unusual"][0]["row"] == done.unusual[0].row
    assert content["unusual"][0]["reasons"] == list(done.unusual[0].reasons)


def test_rows_without_identifiers_have_an_empty_connection():
    assert UnusualAlert(0, 1.0, 0.5, False).connection == ""
    assert UnusualAlert(0, 1.0, 0.5, False, (("dst_ip", "::1"), ("dst_port", "53"))).connection == (
        "[::1]:53"
    )


@pytest.mark.parametrize(
    ("p_value", "words"),
    [(1.0, "1 in 1 "), (0.4, "1 in 2 "), (0.011, "1 in 91 "), (1 / 12345, "1 in 12,000 "),
     (1e-12, "1 in 1,000,000,000,000 ")],
)  # fmt: skip
def test_odds_have_two_digits(p_value, words):
    assert words in odds(p_value)
