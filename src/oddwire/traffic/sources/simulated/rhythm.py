"""When things happen: the hours of a day, the days of a week, and quieter or busier days."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import numpy as np

from oddwire.traffic.sources.simulated.streams import Floats, stream

DAY = 86_400.0  # seconds

RhythmName = Literal["office", "public", "machines", "always", "nightly", "evenings"]


_OFFICE = (2, 1, 1, 1, 1, 2, 6, 25, 70, 95, 100, 92, 60, 82, 98, 92, 80, 55, 25, 12, 8, 6, 4, 3)
_PUBLIC = (18, 11, 8, 7, 8, 12, 22, 38, 55, 66, 72, 74, 76, 72, 70, 70, 72, 78, 86, 96, 100, 90)

# Weights of the 24 hours of a working day, and of a Saturday or Sunday against such a day.
RHYTHMS: dict[RhythmName, tuple[tuple[float, ...], float]] = {
    "office": (_OFFICE, 0.12),
    "public": ((*_PUBLIC, 62.0, 34.0), 1.15),
    "machines": (tuple(40 + hour / 2 for hour in _OFFICE), 0.8),
    "always": ((1,) * 24, 1.0),
    "nightly": ((0, 60, 100, 70, 20, *(0,) * 19), 0.6),
    "evenings": ((*(0,) * 19, 60, 100, 100, 40, 0), 0.5),
}


class Clock:
    """Turns shares of a rhythm into seconds since the start.

    Parameters
    ----------
    start
        The first day, in UTC.
    seed
        Seed of the quieter and busier days.
    """

    def __init__(self, start: dt.date, days: int, seed: int) -> None:
        self.seconds = days * DAY
        self._weekdays = [(start.weekday() + day) % 7 for day in range(days)]
        self._mood = np.exp(stream(seed, "days").normal(0.0, 0.08, days))
        self._edges = np.arange(days * 24 + 1) * 3600.0

    def times(self, rhythm: RhythmName, shares: Floats) -> Floats:
        """Map shares in [0, 1) of all that happens to seconds since the start.

        Random shares give random times; evenly spaced ones give regular times that are denser
        when the rhythm is (the inverse of its cumulative distribution).
        """
        hours, weekend = RHYTHMS[rhythm]
        by_weekday = [np.asarray(hours, np.float64) * share for share in [1.0] * 5 + [weekend] * 2]
        days = zip(self._weekdays, self._mood, strict=True)
        weights = np.concatenate([by_weekday[weekday] * mood for weekday, mood in days])
        cumulative = np.concatenate([[0.0], np.cumsum(weights)])
        return self.inside(np.interp(shares, cumulative / cumulative[-1], self._edges))

    def inside(self, ts: Floats) -> Floats:
        """Wrap times that ran past the last day around to the first."""
        return np.mod(ts, self.seconds)
