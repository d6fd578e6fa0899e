"""The stored alerts that people's decisions are about: looked up, and the allow-list applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, islice
from typing import Any

from oddwire.live.alerts.alert import Alert
from oddwire.live.alerts.allow_entry import apply_allow_list, services_of
from oddwire.live.alerts.incident import MOST_JUDGED
from oddwire.live.state.contents import alert_of, alerts_together, features_of, stored_alert
from oddwire.live.state.reading import AlertStore
from oddwire.live.state.records import StoredAlert, StoredIncident
from oddwire.live.state.suppressing import Suppressions
from oddwire.live.verdicts.allow_list import ListedEntry, read_allow_list
from oddwire.live.verdicts.allowing import one_change_at_a_time
from oddwire.project import Project

_PAGE = 500


@dataclass(frozen=True)
class Applied:
    """What came of applying the allow-list again.

    Parameters
    ----------
    alerts
        How many stored alerts were looked at.
    suppressed
        How many of them are suppressed.
    newly, no_longer
        How many are now and were not, and the other way round.
    together
        How many more are stored, kept together: they stay as they were.
    """

    alerts: int
    suppressed: int
    newly: int
    no_longer: int
    together: int

    def to_dict(self) -> dict[str, int]:
        """Return plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Named:
    """What an id is of.

    Parameters
    ----------
    id
        The whole id, of an alert or an incident.
    count
        How many alerts there are.
    alerts
        The first 10,000 of them, those that are listed before the others: more of one flood would
        teach a model nothing, and make a table that nobody can review.
    """

    id: str
    count: int
    alerts: Sequence[Alert]


def alerts_named(store: AlertStore, name: str) -> Named:
    """Return the alert that an id is of, or the incident with its alerts.

    Parameters
    ----------
    name
        The id, or its beginning.

    Raises
    ------
    NotStoredError, ParameterError
        As by `AlertStore.either`.
    """
    found = store.either(name)
    if not isinstance(found, StoredIncident):
        return Named(found.id, 1, [alert_of(found)])
    pages = _pages(lambda after: store.alerts_of(found.id, limit=_PAGE, after=after))
    listed = (alert_of(one) for page in pages for one in page)
    others = (one for kept in store.more_alerts_of(found.id) for one in alerts_together(kept))
    return Named(found.id, found.alerts, list(islice(chain(listed, others), MOST_JUDGED)))


def suppressed_alerts(store: AlertStore) -> Iterator[Alert]:
    """Yield all stored alerts that are suppressed."""
    pages = _pages(lambda after: store.alerts(suppressed=True, limit=_PAGE, after=after))
    return (alert_of(one) for page in pages for one in page)


def other_services(store: AlertStore, service: str) -> list[str]:
    """Return the services of the newest alerts, the most frequent first, where none is this one."""
    found = Counter(
        name for one in store.alerts(limit=_PAGE) for name in services_of(alert_of(one))
    )
    return [] if service in found else [name for name, _ in found.most_common()]


def apply_again(project: Project, address: str) -> Applied:
    """Apply the allow-list to all listed alerts, as if it had been this one when they came.

    Nothing is sent, and incidents stay as they were sent.

    Parameters
    ----------
    address
        Of the store.

    Raises
    ------
    NoStoreError
        If there is none.
    ParameterError
        If the list is not what it must be.
    """
    alerts = suppressed = newly = no_longer = 0
    with (
        AlertStore(address) as store,
        Suppressions(address) as writer,
        one_change_at_a_time(project),
    ):
        entries = read_allow_list(project.allow_list)
        for page in _pages(lambda after: store.alerts(limit=_PAGE, after=after)):
            again = [_applied(one, entries) for one in page]
            pairs = list(zip(page, again, strict=True))
            writer.write(new for old, new in pairs if new.suppressed != old.suppressed)
            alerts += len(page)
            suppressed += sum(bool(new.suppressed) for new in again)
            newly += sum(bool(new.suppressed) > bool(old.suppressed) for old, new in pairs)
            no_longer += sum(bool(new.suppressed) < bool(old.suppressed) for old, new in pairs)
        together = store.count_together()
    return Applied(alerts, suppressed, newly, no_longer, together)


@dataclass(frozen=True)
class _Place:
    seconds: float
    id: str


def _pages(ask: Callable[[Any], list[StoredAlert]]) -> Iterator[list[StoredAlert]]:
    after = None
    while page := ask(after):
        yield page
        after = _Place(page[-1].seen, page[-1].id)


def _applied(stored: StoredAlert, entries: Sequence[ListedEntry]) -> StoredAlert:
    """Return an alert as the list suppresses it; what no entry can cover is not read whole."""
    ends = stored.source_address, stored.destination
    near = [each for each in entries if each.may_cover(*ends)]
    if not near and not stored.suppressed:
        return stored
    alert = alert_of(stored)
    theirs = [each.entry for each in near if each.is_for(alert.made_by.source)]
    (alert,) = apply_allow_list([alert], theirs)
    if (alert.suppressed_by or "") == stored.suppressed:
        return stored
    return stored_alert(alert, incident=stored.incident, features=features_of(stored))
