"""``training:``, what a training does with its rows."""

from __future__ import annotations

from pydantic import Field

from oddwire.params.base import Settings


class TrainingSettings(Settings):
    """What a training does with its rows.

    Parameters
    ----------
    contamination
        Share of attacks to expect among training rows that are not all known to be benign: the
        most anomalous rows are left out, that share of them.
    """

    contamination: float = Field(0.05, ge=0, lt=0.5)
