"""``drift:``, when traffic counts as changed, and when that is checked."""

from __future__ import annotations

from pydantic import Field

from oddwire.params.base import Fraction, Settings
from oddwire.params.values.cron import CronSchedule
from oddwire.params.values.paths import FilePattern
from oddwire.params.values.zones import Zone


class DriftSettings(Settings):
    """When traffic counts as changed.

    Attributes
    ----------
    sources
        The sources that the scheduled check looks at; empty for the first one and those that have
        a champion when the flows are served.
    current
        Where a source's new traffic comes: a file, a glob pattern or a folder, by source. Each
        file is a period. Relative paths are in the project's folder.
    zone
        Time zone whose clock the traffic follows: the days that are checked begin at its
        midnight. Hours and weekends are learned from the reference; only a change of clocks
        cannot be. None takes UTC.
    """

    sample_rows: int = Field(2000, ge=100, le=1_000_000)
    false_alarm_rate: Fraction = 0.01
    min_share_of_columns: Fraction = 0.1
    schedule: CronSchedule = "0 6 * * *"
    sources: tuple[str, ...] = ()
    current: dict[str, FilePattern] = Field(default_factory=dict)
    zone: Zone | None = None
