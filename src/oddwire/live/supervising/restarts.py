"""How often, and after what wait, what ended is started again."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_HOUR = 3600.0
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0
_WENT_WELL = 600.0  # seconds after which what came before no longer counts for the wait


class Restarts:
    """Waits that double, and so many starts an hour.

    Parameters
    ----------
    most
        Starts again within any hour; 0 starts nothing again.
    clock
        In seconds; nobody sets it.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._clock = clock
        self._starts: deque[float] = deque()
        self._in_a_row = 0

    def wait(self, ran_for: float) -> float | None:
        """Return how many seconds to wait before the next start; None if there is to be none.

        Parameters
        ----------
        ran_for
            How many seconds what ended had run.
        """
        now = self._clock()
        while self._starts and self._starts[0] <= now - _HOUR:
            self._starts.popleft()
        if len(self._starts) >= self.most:
            return None
        self._in_a_row = 0 if ran_for >= _WENT_WELL else self._in_a_row
        wait: float = min(_FIRST_WAIT * 2**self._in_a_row, _LONGEST_WAIT)
        self._in_a_row += 1
        self._starts.append(now)
        return wait
