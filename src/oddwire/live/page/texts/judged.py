"""What people judged of alerts, in words."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from oddwire.live.alerts.words import counted
from oddwire.traffic.verdicts.table import Verdict

_WORDS = ("benign", "attack")  # by the label
_MOST_SAID = 5


@dataclass(frozen=True)
class Said:
    """A verdict that was said of several connections at once.

    Parameters
    ----------
    word
        ``benign`` or ``attack``.
    about
        Of which attack, of how many connections, and when.
    note
        The person's own words.
    """

    word: str
    about: str
    note: str


@dataclass(frozen=True)
class Judged:
    """The verdicts on the connections of some alerts.

    Parameters
    ----------
    verdicts
        At most one of each connection.
    trouble
        Why there are none though there may be; empty where nothing is wrong.
    """

    verdicts: tuple[Verdict, ...] = ()
    trouble: str = ""

    @property
    def word(self) -> str:
        """``attack``, ``benign`` or ``both``; empty where nobody judged."""
        labels = {one.label for one in self.verdicts}
        return "both" if len(labels) > 1 else _WORDS[labels.pop()] if labels else ""

    def in_short(self, of: int) -> str:
        """Return a few words.

        Parameters
        ----------
        of
            How many alerts there are.
        """
        attacks = sum(one.label for one in self.verdicts)
        benign = len(self.verdicts) - attacks
        if not self.verdicts:
            return ""
        if attacks and benign:
            return f"judged: {attacks:,} attack, {benign:,} benign"
        # Of one connection there may be several alerts: so it is not said that others are left.
        all_of_them = len(self.verdicts) >= of
        number = "" if all_of_them else f"{counted(len(self.verdicts), 'connection')} "
        return f"{number}judged {self.word}"

    @property
    def said(self) -> list[Said]:
        """What was said, the latest first."""
        return [*self._said()][:_MOST_SAID]

    @property
    def more(self) -> int:
        """How many verdicts more were said, before those."""
        return max(len(self._grouped()) - _MOST_SAID, 0)

    def to_dict(self) -> dict[str, int] | None:
        """Return how many connections were judged what, for JSON; None where it is not known."""
        if self.trouble:
            return None
        attacks = sum(one.label for one in self.verdicts)
        return {"attack": attacks, "benign": len(self.verdicts) - attacks}

    def _grouped(self) -> Counter[tuple[str, int, str, str]]:
        return Counter((one.judged, one.label, one.family or "", one.note) for one in self.verdicts)

    def _said(self) -> Iterator[Said]:
        for (when, label, family, note), number in sorted(self._grouped().items(), reverse=True):
            parts = (family, counted(number, "connection"), _time(when))
            yield Said(_WORDS[label], ", ".join(filter(None, parts)), note)


def _time(judged: str) -> str:
    """Return when, as it was written; people may have edited it."""
    try:
        moment = dt.datetime.fromisoformat(judged).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return judged
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
