"""``drift:``, when traffic counts as changed, and when that is checked."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from oddwire.params.base import CronSchedule, Fraction, Settings


class DriftSettings(Settings):
    """When traffic counts as changed.

    Attributes
    ----------
    sources
        The sources that the scheduled check looks at; empty for all.
    current
        Where a source's new traffic comes: a file, a glob pattern or a folder, by source. Each
        file is a period. Relative paths are in the project's folder.
    """

    sample_rows: int = Field(2000, ge=100)
    false_alarm_rate: Fraction = 0.01
    min_share_of_columns: Fraction = 0.1
    schedule: CronSchedule = "0 6 * * *"
    sources: tuple[str, ...] = ()
    current: dict[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
