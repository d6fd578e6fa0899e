"""How times are written: a unit of numbers, or the words of strptime."""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

TimeUnit = Literal["s", "ms", "us", "ns", "excel", "filetime"]
TIME_UNITS: tuple[TimeUnit, ...] = get_args(TimeUnit)
_DIRECTIVE = re.compile(r"%(.)", re.DOTALL)
_KNOWN = frozenset("aAbBdfHIjmMpSyYz%")


def time_format_fault(given: str) -> str | None:
    """Say why a text is no way to write times, None where it is one.

    Examples
    --------
    >>> time_format_fault("%d.%m.%Y %I:%M")
    'has %I, a clock of 12 hours, and no %p for its half of the day'
    """
    if given in TIME_UNITS:
        return None
    used = set(_DIRECTIVE.findall(given))
    has_day = "j" in used or ("d" in used and used & set("mbB"))
    rules = {
        f"must be one of {', '.join(TIME_UNITS)} or be in the words of strptime, such as"
        " %d.%m.%Y %H:%M:%S": not used,
        "cannot have %Z, as names of zones mean several: %z reads offsets such as +02:00":
            "Z" in used,
        f"cannot have %{min(used - _KNOWN, default='')}, only {', '.join(sorted(_KNOWN))}":
            bool(used - _KNOWN),
        "must have a year and a day: %Y or %y, and %d with %m or %b, or %j":
            not (used & set("yY") and has_day),
        "has %I, a clock of 12 hours, and no %p for its half of the day":
            "I" in used and "p" not in used,
        "has %p, which means something beside %I alone": "p" in used and "I" not in used,
    }  # fmt: skip
    return next((rule for rule, broken in rules.items() if broken), None)


def _check(given: str) -> str:
    if (fault := time_format_fault(given)) is not None:
        raise PydanticCustomError("time_format", "{fault}", {"fault": fault})
    return given


TimeFormat = Annotated[str, AfterValidator(_check)]
