"""What ``oddwire score`` prints."""

from __future__ import annotations

from pathlib import Path

from oddwire.cli.score import show
from oddwire.operations.scoring.score_file import ScoredFile


def test_every_figure_is_told(capsys):
    scored = ScoredFile(
        out=Path("scored.csv"), rows=1200, alerts=12, alert_p_value=0.01, version="3",
        detector="kmeans", missing=2, infinite=1, unseen=3, seconds=1.0, discoveries=9,
        counted_discoveries=7, adaptive_alerts=11, explained=5,
        explanations=Path("scored.explained.csv"),
    )  # fmt: skip
    show(scored, fdr=0.1)
    text = " ".join(capsys.readouterr().out.split())
    for sentence in (
        "1,200 rows scored by version 3 (kmeans): 12 alerts, with p-values of at most 0.01",
        "9 discoveries at a false-discovery rate of 0.1, 7 of them without extrapolated p-values",
        "11 alerts of the threshold that follows drift",
        "Written to scored.csv",
        "The 5 most anomalous alerts are explained in its column `why` and in scored.explained.csv",
        "Data issues: 2 missing and 1 infinite numbers, 3 categories never seen in training",
    ):
        assert sentence in text
