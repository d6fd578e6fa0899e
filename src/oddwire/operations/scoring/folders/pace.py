"""How fast rows are scored, and how long what is left will take."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

_RATE_FROM = 2.0  # seconds: before, a rate says nothing
_IN_HOURS = 90  # minutes


class Pace:
    """How fast rows are scored, and how long what is left will take, by sizes."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes: Iterator[int] = iter(sizes)
        self._left, self._bytes, self._rows = sum(sizes), 0, 0
        self._begun = time.monotonic()

    def skip(self) -> None:
        """Leave out what is done already."""
        self._left -= next(self._sizes)

    def count(self, rows: int) -> None:
        """Count what was scored."""
        size = next(self._sizes)
        self._left -= size
        self._bytes += size
        self._rows += rows

    def in_words(self) -> str:
        """Return pace and time left in a few words; empty where it is too early to tell."""
        seconds = time.monotonic() - self._begun
        if seconds < _RATE_FROM or not self._bytes:
            return ""
        rate = f"{self._rows / seconds:,.0f} rows/s"
        left = self._left * seconds / self._bytes
        return f"{rate}, about {_duration(left)} left" if self._left else rate


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < _IN_HOURS else f"{minutes / 60:.1f} h"
