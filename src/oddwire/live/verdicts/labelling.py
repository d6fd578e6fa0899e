"""People's verdicts on alerts, kept in the table of their source."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from oddwire.disk.drafts import whole_file
from oddwire.errors import DataError, ParameterError, short_repr
from oddwire.live.alerts.alert import Alert
from oddwire.operations.locks import lock
from oddwire.project import Project
from oddwire.traffic.labels import is_unknown
from oddwire.traffic.verdicts.table import JudgedConnection, Key, Verdict, VerdictTable
from oddwire.traffic.wire_text import printable, short_name

_LONGEST_NOTE = 1_000
_WORDS = ("benign", "an attack")  # by the label


@dataclass(frozen=True)
class Labelled:
    """What came of a label.

    Parameters
    ----------
    connections
        How many have the verdict now, or have lost theirs.
    replaced
        How many of them had another one.
    table
        Where verdicts are kept, from the project's folder on.
    in_table
        On how many connections there is a verdict now.
    """

    source: str
    connections: int
    replaced: int
    table: str
    in_table: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


def label_alerts(
    project: Project,
    alerts: Iterable[Alert],
    *,
    label: int,
    about: str = "",
    family: str | None = None,
    note: str = "",
    now: dt.datetime | None = None,
) -> list[Labelled]:
    """Keep a verdict on the connections of alerts; a later one takes an earlier one's place.

    Parameters
    ----------
    label
        0 benign, 1 attack.
    about
        The id of the incident or alert that is judged, of which these are the alerts; empty where
        each is judged by itself. What was said of it before holds no more.
    family
        The attack's, None where not said.
    note
        The person's own words.

    Returns
    -------
    What came of it, for each source.

    Raises
    ------
    ParameterError
        If the family is of no attack.
    DataError
        If an alert has no time, or a table is damaged or cannot be written.
    """
    name = None if family is None else _family(family, label)
    words = printable(" ".join(note.split()), _LONGEST_NOTE)
    judged = f"{(now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"

    def changed(table: VerdictTable, ours: list[Alert]) -> tuple[int, int]:
        verdicts = VerdictTable(
            Verdict(connection_of(one), label, name, words, judged, about or one.id) for one in ours
        )
        replaced = table.add(verdicts)
        _remove_about(table, about, but=verdicts.by_key)
        return len(verdicts), replaced

    return _changed(project, alerts, changed)


def unlabel_alerts(project: Project, alerts: Iterable[Alert], *, about: str = "") -> list[Labelled]:
    """Take the verdicts on the connections of alerts away.

    Parameters
    ----------
    about
        As of `label_alerts`.

    Raises
    ------
    DataError
        As by `label_alerts`.
    """

    def changed(table: VerdictTable, ours: list[Alert]) -> tuple[int, int]:
        removed = table.remove(connection_of(alert) for alert in ours)
        return removed + _remove_about(table, about), 0

    return _changed(project, alerts, changed)


def judged_alert(project: Project, alert: Alert) -> str:
    """Return what people have judged of an alert's connection, in a sentence; empty where nothing.

    Raises
    ------
    DataError
        If the table is damaged.
    """
    if alert.start is None:
        return ""
    table = VerdictTable.read(project.labels(alert.made_by.source))
    found = table.by_key.get(connection_of(alert).key)
    return "" if found is None else f"A person judged it {_WORDS[found.label]}."


def judged_incident(project: Project, source: str, ids: Collection[str]) -> str:
    """Return what people have judged of an incident, likewise.

    Parameters
    ----------
    ids
        Its own, and those of its alerts.

    Raises
    ------
    DataError
        If the table is damaged.
    """
    found = [one for one in VerdictTable.read(project.labels(source)) if one.alert in ids]
    attacks = sum(one.label for one in found)
    if not found:
        return ""
    if len(found) == 1:
        return f"People judged one of its connections {_WORDS[attacks]}."
    benign = len(found) - attacks
    return f"Of its connections, people judged {attacks:,} as attacks and {benign:,} as benign."


def _changed(
    project: Project,
    alerts: Iterable[Alert],
    change: Callable[[VerdictTable, list[Alert]], tuple[int, int]],
) -> list[Labelled]:
    by_source: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_source[alert.made_by.source].append(alert)
    found = []
    for source, ours in by_source.items():
        with _table(project, source) as table:
            connections, replaced = change(table, ours)
        place = str(project.labels(source).relative_to(project.root))
        found.append(Labelled(source, connections, replaced, place, len(table)))
    return found


@contextmanager
def _table(project: Project, source: str) -> Iterator[VerdictTable]:
    """Give the table of a source to change; afterwards it is written, whole or not at all."""
    file = project.labels(source)
    with lock(project.locks / f"labels-{source}.lock", f"another label of {source}"):
        table = VerdictTable.read(file)
        before = table.text()
        yield table
        text = table.text()
        if text == before:
            return
        try:
            file.parent.mkdir(exist_ok=True)
            with whole_file(file) as draft:
                draft.write_bytes(text.encode())
        except OSError as error:
            raise DataError(f"cannot write {file}: {error.strerror or error}") from None


def connection_of(alert: Alert) -> JudgedConnection:
    """Return the connection that an alert was raised by.

    Raises
    ------
    DataError
        If the alert has no time.
    """
    if alert.start is None:
        raise DataError(f"alert {alert.id} has no time: no row can be found by it")
    return JudgedConnection(
        start=alert.start,
        end=alert.end,
        uid=alert.uid,
        src_ip=alert.source.address,
        src_port=alert.source.port,
        dst_ip=alert.destination.address,
        dst_port=alert.destination.port,
        proto=alert.proto,
    )


def _remove_about(table: VerdictTable, name: str, but: Collection[Key] = ()) -> int:
    """Take away what was said of an id, but for some connections; return of how many."""
    if not name:
        return 0
    return table.remove(
        [one.connection for one in table if one.alert == name and one.connection.key not in but]
    )


def _family(given: str, label: int) -> str:
    if label == 0:
        raise ParameterError("an attack family belongs to an attack, got a label of benign")
    name = short_name(" ".join(given.split()))
    if name is None or is_unknown(name):
        raise ParameterError(f"an attack family must be a name, got {short_repr(given)}")
    return name
