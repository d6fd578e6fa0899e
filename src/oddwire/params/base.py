"""What all blocks of settings share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(gt=0, lt=1)]
# Five fields, as `man 5 crontab` has them; Prefect checks the figures when it takes the schedule.
CronSchedule = Annotated[str, Field(pattern=r"^\s*(?:[\w*/,?#-]+\s+){4}[\w*/,?#-]+\s*$")]


class Settings(BaseModel):
    """A block of settings: frozen, and no key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
