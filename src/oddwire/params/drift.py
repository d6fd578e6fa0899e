"""``drift:``, when traffic counts as changed, and when that is checked."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from oddwire.params.base import Fraction, Settings

# Five fields, as `man 5 crontab` has them; Prefect checks the figures when it takes the schedule.
_CRON = r"^\s*(?:[\w*/,?#-]+\s+){4}[\w*/,?#-]+\s*$"


def _check_zone(zone: str | None) -> str | None:
    if zone is not None and zone not in available_timezones():
        raise PydanticCustomError("zone", "must be an IANA time zone such as Europe/Berlin")
    return zone


class DriftSettings(Settings):
    """When traffic counts as changed.

    Parameters
    ----------
    zone
        Time zone whose clock the traffic follows. Hours and weekends are learned from the
        reference; only a change of clocks cannot be. None takes hours in UTC.
    """

    sample_rows: int = Field(2000, ge=100)
    false_alarm_rate: Fraction = 0.01
    min_share_of_columns: Fraction = 0.1
    schedule: Annotated[str, Field(pattern=_CRON)] = "0 6 * * *"
    source: str = "simulated"
    zone: Annotated[str | None, AfterValidator(_check_zone)] = None
