"""How long a schedule pauses at most."""

from __future__ import annotations

_EVERY = "*"


def longest_pause(schedule: str) -> float:
    """Return days that pass at most between two times of a schedule, roughly and not too few.

    Examples
    --------
    >>> longest_pause("0 6 * * *"), longest_pause("0 3 * * 0"), longest_pause("0 3 1 * *")
    (1.0, 7.0, 31.0)
    """
    _, _, day, month, weekday = schedule.split()
    if month != _EVERY:
        return 366.0
    if day != _EVERY:
        return 31.0
    return 1.0 if weekday == _EVERY else 7.0
