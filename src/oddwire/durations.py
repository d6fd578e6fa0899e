"""How a length of time is written, wherever people read one."""

from __future__ import annotations

_UNITS = ((1440, "days"), (60, "h"), (1, "min"))  # by their minutes
_FROM = 2  # of a unit, from which a time is written in it: 90 s, 2 min


def in_time(minutes: float) -> str:
    """Return a time in the unit that it is read best in.

    Parameters
    ----------
    minutes
        At least 0.

    Examples
    --------
    >>> [in_time(minutes) for minutes in (0, 0.0001, 1.5, 2.26, 300, 4320)]
    ['0 s', '0.006 s', '90 s', '2.3 min', '5 h', '3 days']
    """
    for size, unit in _UNITS:
        if minutes >= _FROM * size:
            return f"{minutes / size:.1f}".removesuffix(".0") + f" {unit}"
    seconds = 60 * minutes
    return f"{seconds:.1f}".removesuffix(".0") + " s" if seconds >= 1 else f"{seconds:.1g} s"
