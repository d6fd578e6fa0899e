"""Time zones, by the names that IANA gives them."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError


def _check_zone(zone: str) -> str:
    if zone not in available_timezones():
        raise PydanticCustomError("zone", "must be an IANA time zone such as Europe/Berlin")
    return zone


Zone = Annotated[str, AfterValidator(_check_zone)]
