"""``drift:``, when traffic counts as changed, and when that is checked."""

from __future__ import annotations

from pydantic import Field

from oddwire.params.base import CronSchedule, Fraction, Settings


class DriftSettings(Settings):
    """When traffic counts as changed."""

    sample_rows: int = Field(2000, ge=100)
    false_alarm_rate: Fraction = 0.01
    min_share_of_columns: Fraction = 0.1
    schedule: CronSchedule = "0 6 * * *"
    source: str = "simulated"
