"""Alerts and incidents in a terminal: as tables, and one with all that is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from oddwire.cli.terminal import words
from oddwire.cli.terminal.printing import print_table, printer
from oddwire.live.alerts.words import moment, rarity, utc
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from rich.console import Console

    from oddwire.live.alerts.alert import Alert
    from oddwire.live.alerts.incident import Incident

_LABEL = 13  # letters of the column of names
_LONGEST = 2000
# Names of the wire are printable and short; what steers no terminal is still no markup.


def print_incidents(incidents: Sequence[Incident], *, title: str) -> None:
    """Print a row per incident."""
    rows = [
        {
            "incident": incident.id[: words.SHORT_ID],
            "opened, UTC": moment(incident.opened, seconds=False),
            "severity": incident.severity.word,
            "kind": incident.kind.value,
            "who": _shown(f"{incident.sources.hosts}\n-> {incident.destinations.hosts}"),
            "alerts": f"{incident.count:,}",
            "state": incident.state,
            "source": _shown(incident.made_by.source),
        }
        for incident in incidents
    ]
    text = ("incident", "opened, UTC", "severity", "kind", "who", "state", "source")
    print_table(printer(), _one_source(rows), title=title, text=text, optional=("state",))


def print_alerts(alerts: Sequence[Alert], *, title: str) -> None:
    """Print a row per alert."""
    rows = [
        {
            "alert": alert.id[: words.SHORT_ID],
            "seen, UTC": moment(alert.clock),
            "severity": alert.severity.word,
            "kind": alert.kind.value,
            "connection": _shown(words.connection_of(alert).replace(" -> ", "\n-> ")),
            "suppressed": _shown(alert.suppressed_by or ""),
            "source": _shown(alert.made_by.source),
        }
        for alert in alerts
    ]  # fmt: skip
    if not any(row["suppressed"] for row in rows):
        for row in rows:
            del row["suppressed"]
    text = ("alert", "seen, UTC", "severity", "kind", "connection", "suppressed", "source")
    print_table(printer(), _one_source(rows), title=title, text=text)


def print_incident(incident: Incident, alerts: Sequence[Alert], *, most: int) -> None:
    """Print all that is known of an incident, and the first of its alerts.

    Parameters
    ----------
    most
        Alerts at most that a list may be asked for.
    """
    console = printer()
    _head(console, f"Incident {incident.id}", f"{incident.severity.word} {incident.title}")
    _facts(console, _of_incident(incident))
    _why(console, "What set its most unusual alert apart", words.phrases_of(incident.reasons))
    if alerts:
        more = incident.count > len(alerts)
        title = f"The first {len(alerts)} of its alerts" if more else "Its alerts"
        console.print()
        print_alerts(alerts, title=title)
    console.print(f"\n`oddwire explain {incident.id}` scores the most unusual one again")
    if incident.count > len(alerts):
        shown = min(incident.listed, most)
        which = "all" if shown == incident.count else f"{shown:,} of them"
        console.print(
            f"`oddwire alerts --incident {incident.id[: words.SHORT_ID]} --limit {shown}` "
            f"lists {which}",
            soft_wrap=True,
        )
    if incident.unlisted:
        console.print(incident.unlisted)


def print_alert(alert: Alert, *, incident: str) -> None:
    """Print all that is known of an alert.

    Parameters
    ----------
    incident
        The id of its incident; empty where it has none.
    """
    console = printer()
    title = f"{alert.severity.word} {alert.kind.value}: {words.connection_of(alert)}"
    _head(console, f"Alert {alert.id}", title)
    _facts(console, _of_alert(alert, incident))
    _why(console, "What set it apart", words.phrases_of(alert.reasons))
    console.print(f"\n`oddwire explain {alert.id}` scores it again", soft_wrap=True)


def _of_incident(incident: Incident) -> Iterator[tuple[str, str]]:
    made_by = incident.made_by
    yield "source", made_by.source
    yield "state", words.state_of(incident)
    yield "alerts", _from_to(incident.opened, incident.last)
    yield "connections", _from_to(incident.start, incident.end)
    yield "rarity", f"{rarity(incident.unit_p_value)} (p-value {incident.unit_p_value:.3g})"
    yield "model", f"{made_by.model} version {made_by.model_version}"
    named = {
        "from": incident.sources, "to": incident.destinations, "ports": incident.ports,
        "services": incident.services,
    }  # fmt: skip
    for name, seen in named.items():
        if seen.values:
            yield name, words.listed(seen)
    if len(incident.kinds) > 1:
        counts = sorted(incident.kinds.items(), key=lambda item: -item[1])
        yield "kinds", ", ".join(f"{kind} {count:,}" for kind, count in counts)


def _from_to(first: int | None, last: int | None) -> str:
    return f"{moment(first, seconds=False)} to {utc(last, seconds=False)}"


def _of_alert(alert: Alert, incident: str) -> Iterator[tuple[str, str]]:
    made_by = alert.made_by
    yield "source", made_by.source
    yield "seen", utc(alert.clock)
    yield "began", utc(alert.start)
    carried = [value for value in (alert.proto, alert.service) if value]
    if carried:
        yield "carried", " ".join(carried)
    for name, end in (("sent", alert.source), ("answered", alert.destination)):
        counts = [
            f"{count:,} {noun}"
            for noun, count in (("bytes", end.bytes), ("packets", end.packets))
            if count is not None
        ]
        if counts:
            yield name, ", ".join(counts)
    yield "rarity", f"{rarity(alert.unit_p_value)} (p-value {alert.unit_p_value:.3g})"
    yield "score", f"{alert.score:.6g}, an alert from {made_by.threshold:.6g} on"
    yield "model", f"{made_by.model} version {made_by.model_version}"
    if alert.uid:
        yield "uid", alert.uid
    yield "incident", incident or "none"
    if alert.suppressed_by is not None:
        yield "suppressed", alert.suppressed_by


def _head(console: Console, name: str, title: str) -> None:
    console.print(name, style="bold", soft_wrap=True)
    console.print(_shown(title), soft_wrap=False, overflow="fold")
    console.print()


def _facts(console: Console, facts: Iterable[tuple[str, str]]) -> None:
    """Print names and values, the values folded in a column of their own."""
    from rich.table import Table

    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=_LABEL, style="dim")
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(f"  {name}", _shown(value))
    console.print(table)


def _why(console: Console, title: str, phrases: Sequence[str]) -> None:
    if not phrases:
        return
    console.print(f"\n{title}", style="bold")
    for phrase in phrases:
        console.print(
            Padding(Text(printable(phrase, _LONGEST), overflow="fold"), (0, 0, 0, 2), expand=False)
        )


def _one_source(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Leave out the column of sources where all rows are of one."""
    if len({row["source"] for row in rows}) == 1:
        for row in rows:
            del row["source"]
    return rows


def _shown(text: str) -> str:
    """Return text that may be anything as what a terminal shows as it is; lines stay."""
    return "\n".join(escape(printable(line, _LONGEST)) for line in text.split("\n"))
