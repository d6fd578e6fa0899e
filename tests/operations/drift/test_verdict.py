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
    assert "93.0%" in sentence
