"""A page of the list of incidents: those that it shows, and how many there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from oddwire.live.alerts.severity import Severity
from oddwire.live.alerts.words import counted
from oddwire.live.page.asking import BY_SEVERITY, Asked, Place

if TYPE_CHECKING:
    from oddwire.live.state import AlertStore, StoredIncident

_Row = TypeVar("_Row")
ON_A_PAGE = 50
MOST_COUNTED = 10_000
_LEVELS = (0, *Severity)  # 0: not known


@dataclass(frozen=True)
class Listed:
    """A page of a list.

    Parameters
    ----------
    incidents
        Those that it shows.
    after
        Where it ends; None where it is the last page.
    """

    incidents: Sequence[StoredIncident]
    after: Place | None


def listed(store: AlertStore, asked: Asked) -> Listed:
    """Return the incidents of a page."""
    found: list[StoredIncident] = []
    for severity, after in _parts(asked, asked.place):
        left = ON_A_PAGE + 1 - len(found)
        found += store.incidents(**_filters(asked), severity=severity, after=after, limit=left)
        if len(found) > ON_A_PAGE:
            break
    shown, more = one_more(found)
    if not more:
        return Listed(shown, None)
    last = shown[-1]
    level = last.severity if asked.order == BY_SEVERITY else None
    return Listed(shown, Place(last.opened, last.id, level))


def caption(store: AlertStore, asked: Asked, page: Listed) -> str:
    """Return which of how many incidents a page shows.

    They are counted so far as that is soon done, as more than so many otherwise.
    """
    shown, noun = len(page.incidents), "incident"
    if page.after is None and not asked.after:
        return counted(shown, noun)
    total = store.count_incidents(**_filters(asked), severity=asked.levels, most=MOST_COUNTED + 1)
    if total is None:  # of an address that is in very many alerts
        return f"{counted(shown, noun)} on this page"
    before = _before(store, asked)
    total = max(total, before + shown)  # they change while they are counted
    of = f"more than {MOST_COUNTED:,}" if total > MOST_COUNTED else f"{total:,}"
    if before + shown > MOST_COUNTED:
        return f"{counted(shown, noun)} on this page, of {of}"
    return f"{before + 1:,} to {before + shown:,} of {of} incidents"


def one_more(found: Sequence[_Row]) -> tuple[Sequence[_Row], bool]:
    """Return the rows of a page, and whether there is another one behind them."""
    return found[:ON_A_PAGE], len(found) > ON_A_PAGE


def _before(store: AlertStore, asked: Asked) -> int:
    """Return how many incidents the pages before show; where they are many, some of them."""
    place, count = asked.place, 0
    if place is None:
        return 0
    for severity, _ in _parts(asked, None):
        here = place if place.level in (None, severity) else None
        left = MOST_COUNTED + 1 - count
        counted_ = store.count_incidents(
            **_filters(asked), severity=severity, down_to=here, most=left
        )
        count += counted_ or 0
        if here is not None or count > MOST_COUNTED:
            break
    return count


def _parts(asked: Asked, after: Place | None) -> Iterator[tuple[Any, Place | None]]:
    """Yield the severities of the lists that a page goes through, and behind what in each."""
    if asked.order != BY_SEVERITY:
        yield asked.levels, after
        return
    for level in sorted(asked.levels or _LEVELS, reverse=True):
        if after is None or after.level is None or level < after.level:
            yield level, None
        elif level == after.level:
            yield level, after


def _filters(asked: Asked) -> dict[str, Any]:
    return {
        "source": asked.source or None, "state": asked.state or None, "kind": asked.kind or None,
        "since": asked.from_, "until": asked.to, "address": asked.address or None,
    }  # fmt: skip
