"""What cannot be read for a while: said once when it begins, and once when it is over."""

from __future__ import annotations

import time
from collections.abc import Mapping


class Troubles:
    """Tells what has changed of what is wrong."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._told: dict[str, str] = {}

    def see(self, wrong: Mapping[str, str], *, patience: Mapping[str, float]) -> list[str]:
        """Return what a person should hear of.

        Parameters
        ----------
        wrong
            What is wrong now, and why.
        patience
            For how many seconds something must have been wrong to be told; others are at once.
        """
        now = time.monotonic()
        self._since = {what: self._since.get(what, now) for what in wrong}
        over = [what for what in self._told if what not in wrong]
        for what in over:
            del self._told[what]
        notices = [f"{what} can be read again" for what in over]
        for what, why in wrong.items():
            lasted = now - self._since[what]
            if what not in self._told and lasted >= patience.get(what, 0.0):
                self._told[what] = why
                notices.append(f"{what}: {why}; it is read when it can be")
        return notices
