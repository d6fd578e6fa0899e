"""``training:``, what a training does with its rows."""

from __future__ import annotations

from pydantic import Field

from oddwire.params.base import Settings
from oddwire.params.values.cron import CronSchedule


class TrainingSettings(Settings):
    """What a training does with its rows.

    Parameters
    ----------
    contamination
        Share of attacks to expect among training rows that are not all known to be benign: the
        most anomalous rows are left out, that share of them.
    schedule
        When the sources that are watched for drift are trained on anew, as `man 5 crontab` writes
        it, in UTC: their new rows are brought in and a challenger is trained, which must be
        better to become champion. None trains when somebody asks for it.
    """

    contamination: float = Field(0.05, ge=0, lt=0.5)
    schedule: CronSchedule | None = None
