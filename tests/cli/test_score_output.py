"""What ``oddwire score`` prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from oddwire.cli.score import show
from oddwire.operations.scoring.page import alerts_in_words
from oddwire.operations.scoring.score_file import ScoredFile
from oddwire.operations.scoring.unusual import UnusualAlert


def test_every_figure_is_told(capsys):
    scored = ScoredFile(
        out=Path("scored.csv"), rows=1200, alerts=12, alerting_units=5, incidents=4, days=2.0,
        target={"false_incidents_per_day": 30.0}, alert_p_value=0.01, version="3",
        detector="kmeans", missing=2, infinite=1, unseen=3, seconds=1.0, discoveries=9,
        counted_discoveries=7, adaptive_alerts=11, adaptive_incidents=3, explained=5,
        explanations=Path("scored.explained.csv"),
    )  # fmt: skip
    show(scored, fdr=0.1)
    text = " ".join(capsys.readouterr().out.split())
    for sentence in (
        "1,200 rows scored by version 3 (kmeans)",
        "12 alerts in 5 units, 4 incidents (2 a day, true or false; target: 30 false incidents",
        "9 discoveries, of which at most 10 % are benign on average",
        "7 of them without extrapolated p-values",
        "11 alerts of the threshold that follows drift, 3 incidents (1.5 a day)",
        "Written to scored.csv",
        "Explanations of the 5 most anomalous alerts: in its column `why`",
        "with all figures in scored.explained.csv",
        "Data issues: 2 missing and 1 infinite numbers, 3 categories never seen in training",
    ):
        assert sentence in text


@pytest.mark.parametrize(
    ("target", "days", "units", "sentence"),
    [
        (
            {"share_of_rows": 0.01}, 0.0, 12,
            "12 alerts: 1 % of the rows (target: 1 % of benign rows)",
        ),
        (
            {"share_of_units": 0.02}, 0.4, 1,
            "12 alerts in 1 unit, 12 incidents (target: 2 % of benign units)",
        ),
        ({}, 0.0, 12, "12 alerts: 1 % of the rows (of benign rows 1 % are expected)"),
    ],
)  # fmt: skip
def test_alerts_are_told_in_the_unit_of_the_target(target, days, units, sentence):
    scored = ScoredFile(
        out=Path("scored.csv"), rows=1200, alerts=12, alerting_units=units, incidents=12,
        days=days, target=target, alert_p_value=0.01, version="3", detector="kmeans",
        missing=0, infinite=0, unseen=0, seconds=1.0,
    )  # fmt: skip
    assert alerts_in_words(scored) == sentence


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_most_unusual_alerts_are_shown_with_why_at_any_width(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    hostile = "[red]" + "x" * 59
    alerts = (
        UnusualAlert(
            1234, 0.87, 0.000025, True,
            (("ts", "2026-03-02 08:00:00 UTC"), ("src_ip", "10.0.0.5"), ("src_port", "50123"),
             ("dst_ip", "10.0.0.9"), ("dst_port", "22")),
            ("40 %: rate=60 (above 99.9 % of benign; typical: 10)", f"9 %: {hostile}=1 (0 %)"),
        ),
        UnusualAlert(7, 0.8, 0.001, False),
    )  # fmt: skip
    scored = ScoredFile(
        out=Path("a" * 90 + ".csv"), rows=50, alerts=2, alerting_units=2, incidents=2, days=0.0,
        target={}, alert_p_value=0.01, version="1",
        detector="kmeans", missing=0, infinite=0, unseen=0, seconds=1.0, explained=1,
        explanations=Path("b" * 90 + ".csv"), unusual=alerts,
    )  # fmt: skip
    show(scored)
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert "row 1,234: about 1 in 40,000 benign (extrapolated)" in " ".join(out.split())
    assert "row 7" not in out  # one alert is explained
    assert "2026-03-02 08:00:00 UTC, 10.0.0.5:50123 -> 10.0.0.9:22" in " ".join(out.split())
    assert hostile in "".join(line.strip() for line in lines)
    # Paths stay whole, so that they can be copied; all else fits.
    assert all(len(line) <= width for line in lines if "aaa" not in line and "bbb" not in line)
    assert any("a" * 90 in line for line in lines)
