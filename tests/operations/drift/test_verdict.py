"""The verdict of a drift check as one sentence."""

from __future__ import annotations

from oddwire.operations.drift.verdict import ColumnDrift, verdict_sentence


def test_a_reference_that_is_too_short_is_not_passed_off_as_calm():
    """A day or two of traffic cannot say what is normal, and the verdict says that instead."""
    columns = [
        ColumnDrift(name, 0.3, cut_off, drifted=False, kind="numeric")
        for name, cut_off in (("sent", 0.97), ("received", 0.93))
    ]
    sentence = verdict_sentence(columns, drifted=False)
    assert sentence.startswith("No drift could be shown")
    assert "93 %" in sentence


def test_columns_that_cannot_be_seen_are_named_beside_what_was_found():
    columns = [ColumnDrift(f"f{i}", 0.1, 0.2, drifted=False, kind="numeric") for i in range(4)]
    score = ColumnDrift("anomaly_score", 0.1, 0.7, drifted=False, kind="score")
    sentence = verdict_sentence([*columns, score], drifted=False)
    assert sentence.startswith("No drift: none of 5 columns exceeds its threshold.")
    assert "Of the anomaly score nothing can be said: even 50 % of the connections" in sentence
    wide = ColumnDrift("f4", 0.1, 0.5, drifted=False, kind="numeric")
    both = verdict_sentence([*columns, wide, score], drifted=False)
    assert "Of 2 of 6 columns, the anomaly score among them, nothing" in both
    found = ColumnDrift("f5", 0.4, 0.2, drifted=True, kind="numeric")
    drift = verdict_sentence([found, *columns, wide], drifted=True)
    assert drift.startswith("Drift: 1 of 6 columns")
    assert "Of f4 nothing can be said" in drift
    assert "can be said" not in verdict_sentence([found, *columns], drifted=True)
