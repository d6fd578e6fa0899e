"""What is asked of the list of incidents: the form's fields, as the page's address has them."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Self
from urllib.parse import urlencode

from oddwire.errors import ParameterError, short_repr
from oddwire.live.alerts.kinds import Kind
from oddwire.live.alerts.severity import Severity
from oddwire.live.page.texts.words import local

SEVERITIES = tuple(severity.word for severity in sorted(Severity, reverse=True))
KINDS = tuple(kind.value for kind in Kind)
STATES = ("open", "closed")
PAUSED = "off"
BY_SEVERITY = "severity"
_ID = re.compile("[0-9a-f]{1,64}")
_LONGEST = 200  # letters of a field: an address has fewer
_CHOICES = {
    "severity": SEVERITIES, "kind": KINDS, "state": STATES, "order": (BY_SEVERITY,),
    "refresh": (PAUSED,),
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a page of a list ends: the time and the id of its last row.

    Parameters
    ----------
    level
        The number of its severity, where the list is in that order.

    Examples
    --------
    >>> str(Place(1.5, "3f2a")), Place.of("1.5~3f2a")
    ('1.5~3f2a', Place(seconds=1.5, id='3f2a', level=None))
    >>> str(Place(1.5, "3f2a", 4)), Place.of("4~1.5~3f2a")
    ('4~1.5~3f2a', Place(seconds=1.5, id='3f2a', level=4))
    """

    seconds: float
    id: str
    level: int | None = None

    def __str__(self) -> str:
        level = "" if self.level is None else f"{self.level}~"
        return f"{level}{self.seconds!r}~{self.id}"

    @classmethod
    def of(cls, text: str) -> Self | None:
        """Read back what was written, None where there is nothing.

        Raises
        ------
        ParameterError
            If it is no place.
        """
        if not text:
            return None
        first, _, rest = text.partition("~")
        second, _, third = rest.partition("~")
        level, seconds, name = (first, second, third) if third else (None, first, second)
        try:
            place = cls(float(seconds), name, None if level is None else int(level))
        except ValueError:
            place = None
        if place is None or not math.isfinite(place.seconds) or not _ID.fullmatch(name):
            raise ParameterError(
                f"after must be a place from a link of this page, got {short_repr(text)}"
            )
        return place


@dataclass(frozen=True)
class Asked:
    """The fields of the form and of the links; each is empty where nothing is asked.

    Parameters
    ----------
    source, kind, state
        Only incidents that have it.
    severity
        Only incidents at least so urgent.
    since, until
        When they opened, ISO 8601; in UTC where no zone is given.
    address
        What an address of theirs begins with.
    order
        ``severity`` for the most severe first, of equal ones the newest; else the newest are.
    after
        The last incident of the page before.
    refresh
        ``off`` where the page is not to load itself again.
    """

    source: str = ""
    severity: str = ""
    kind: str = ""
    state: str = ""
    since: str = ""
    until: str = ""
    address: str = ""
    order: str = ""
    after: str = ""
    refresh: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Read the query of an address; what is not known is passed over.

        Raises
        ------
        ParameterError
            If a field is none of its choices, is no time, or cannot be printed.
        """
        given = {name: query.get(name, "").strip() for name in cls.__dataclass_fields__}
        for name, text in given.items():
            if len(text) > _LONGEST:
                raise ParameterError(
                    f"{name} must have at most {_LONGEST} letters, got {len(text):,}"
                )
            if not text.isprintable():  # PostgreSQL takes no NUL
                raise ParameterError(f"{name} must be printable, got {short_repr(text)}")
            choices = _CHOICES.get(name)
            if text and choices and text not in choices:
                raise ParameterError(
                    f"{name} must be one of {', '.join(choices)}, got {short_repr(text)}"
                )
        asked = cls(**given)
        _ = asked.from_, asked.to, asked.place
        return asked

    @property
    def from_(self) -> float | None:
        """`since` in seconds since 1970."""
        return _seconds("since", self.since)

    @property
    def to(self) -> float | None:
        """`until` in seconds since 1970."""
        return _seconds("until", self.until)

    @property
    def place(self) -> Place | None:
        """Where the page before ended."""
        place = Place.of(self.after)
        if place is not None and (place.level is None) == bool(self.order):
            raise ParameterError(
                f"after must be a place in this order, got {short_repr(str(place))}"
            )
        return place

    @property
    def levels(self) -> tuple[int, ...] | None:
        """The numbers of the severity and of those above it."""
        if not self.severity:
            return None
        return tuple(range(Severity[self.severity.upper()], Severity.CRITICAL + 1))

    @property
    def filters(self) -> bool:
        """Whether only some of the incidents are asked for."""
        kept = {"order", "after", "refresh"}
        return any(text for name, text in asdict(self).items() if name not in kept)

    def link(self, **changed: str) -> str:
        """Return the address of the page with some fields changed.

        Examples
        --------
        >>> Asked(kind="new service").link(after="5")
        '/?kind=new+service&after=5'
        """
        fields = {name: text for name, text in asdict(replace(self, **changed)).items() if text}
        return f"/?{urlencode(fields)}" if fields else "/"


def _seconds(name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        time = dt.datetime.fromisoformat(text)
        seconds = (time if time.tzinfo else time.replace(tzinfo=dt.UTC)).timestamp()
        local(seconds)  # a zone can put it before the first year or behind the last
    except (ValueError, OverflowError):
        raise ParameterError(
            f"{name} must be a time such as 2026-03-02T12:00, got {short_repr(text)}"
        ) from None
    return seconds
