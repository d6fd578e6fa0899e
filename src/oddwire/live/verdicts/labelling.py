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
from oddwire.traffic.verdicts.table import JudgedConnection, Verdict, VerdictTable
from oddwire.traffic.wire_text import printable, short_name

_LONGEST_NOTE = 1_000


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
    family: str | None = None,
    note: str = "",
    now: dt.datetime | None = None,
) -> list[Labelled]:
    """Keep a verdict on the connections of alerts; a later one takes an earlier one's place.

    Parameters
    ----------
    label
        0 benign, 1 attack.
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
        verdicts = [Verdict(_connection(a), label, name, words, judged, a.id) for a in ours]
        return len({one.connection.key for one in verdicts}), table.add(verdicts)

    return _changed(project, alerts, changed)


def unlabel_alerts(project: Project, alerts: Iterable[Alert]) -> list[Labelled]:
    """Take the verdicts on the connections of alerts away.

    Raises
    ------
    DataError
        As by `label_alerts`.
    """

    def changed(table: VerdictTable, ours: list[Alert]) -> tuple[int, int]:
        removed = table.remove(_connection(alert) for alert in ours)
        return removed, 0

    return _changed(project, alerts, changed)


def labelled_alerts(project: Project, source: str) -> frozenset[str]:
    """Return the ids of the alerts of a source on which there is a verdict.

    Raises
    ------
    DataError
        If the table is damaged.
    """
    return frozenset(verdict.alert for verdict in VerdictTable.read(project.labels(source)))


def judged(project: Project, source: str, alerts: Collection[str]) -> str:
    """Return what people have judged of some alerts, in a sentence; empty where nothing.

    Raises
    ------
    DataError
        If the table is damaged.
    """
    found = [one for one in VerdictTable.read(project.labels(source)) if one.alert in alerts]
    attacks = sum(one.label for one in found)
    if not found:
        return ""
    if len(alerts) == 1:
        return f"A person judged it {'an attack' if attacks else 'benign'}."
    benign = len(found) - attacks
    return f"Of its alerts, people judged {attacks:,} attacks and {benign:,} benign."


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


def _connection(alert: Alert) -> JudgedConnection:
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


def _family(given: str, label: int) -> str:
    if label == 0:
        raise ParameterError("an attack family belongs to an attack, got a label of benign")
    name = short_name(" ".join(given.split()))
    if name is None or is_unknown(name):
        raise ParameterError(f"an attack family must be a name, got {short_repr(given)}")
    return name
