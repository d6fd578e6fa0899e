"""``drift:``, when traffic counts as changed, and when that is checked."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from oddwire.params.base import Fraction, Settings

# Five fields, as `man 5 crontab` has them; Prefect checks the figures when it takes the schedule.
_CRON = r"^\s*(?:[\w*/,?#-]+\s+){4}[\w*/,?#-]+\s*$"


class DriftSettings(Settings):
    """When traffic counts as changed."""

    sample_rows: int = Field(2000, ge=100)
    false_alarm_rate: Fraction = 0.01
    min_share_of_columns: Fraction = 0.1
    schedule: Annotated[str, Field(pattern=_CRON)] = "0 6 * * *"
    source: str = "simulated"
