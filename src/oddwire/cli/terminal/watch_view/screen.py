"""The screen of `oddwire watch`: how a heartbeat and the open incidents are drawn.

Names on it are from the wire: they are drawn letter by letter, as rich's `Text`, and folded where a
line is too short. Incidents that there is no room for are counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from oddwire.durations import in_time
from oddwire.evaluation.target_lines import alerts_in_words, amount
from oddwire.live.alerts.words import counted, utc
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from oddwire.live.alerts.incident import Incident
    from oddwire.live.vitals.heartbeat import Heartbeat, Lately, SinkBeat

MOST_INCIDENTS = 8
_BAR = 20  # letters; the target is in the middle
_LONGEST = 300  # letters of a name or a sentence: names of the wire come with 137 at most
_STATES = {"running": "green", "quiet": "yellow", "stopped": "red"}
_SEVERITIES = {"low": "", "medium": "yellow", "high": "red", "critical": "bold red"}
_MINUTE = 60_000_000  # microseconds


def screen(
    heartbeat: Heartbeat,
    incidents: Sequence[Incident],
    *,
    most: int = MOST_INCIDENTS,
    plain: bool = False,
) -> RenderableType:
    """Return what is drawn.

    Parameters
    ----------
    heartbeat
        How it stands.
    incidents
        Those that are open, the newest last.
    most
        How many of them are drawn, the most severe, of equal ones the newest; the others are
        counted.
    plain
        Whether it has ASCII letters alone.
    """
    return Group(
        *_head(heartbeat), *_budget(heartbeat, plain=plain),
        *_incidents(heartbeat, incidents, most),
        *_sinks(heartbeat.sinks, heartbeat.at), *_notices(heartbeat),
    )  # fmt: skip


def shown(text: str) -> str:
    """Return text as one printable line."""
    return printable(text, _LONGEST)


def who(incident: Incident) -> str:
    """Return whom an incident is of."""
    return shown(f"{incident.sources.hosts} -> {incident.destinations.hosts}")


def _head(heartbeat: Heartbeat) -> Iterator[Text]:
    line = Text(shown(heartbeat.source), style="bold")
    line.append(f"  {heartbeat.state}", style=_STATES[heartbeat.state])
    if heartbeat.model:
        name, version = (heartbeat.model.get(key, "") for key in ("name", "version"))
        line.append(f"  {shown(name)} version {shown(version)}", style="not bold")
    yield line
    rate = f"{heartbeat.rows_per_second:,.0f}/s"
    line = Text(f"{counted(heartbeat.rows, 'connection')}, {rate}, ")
    line.append(heartbeat.how_far, style="yellow" if heartbeat.is_late else "")
    yield line.append(_newest(heartbeat))
    line = Text()
    for number, what in (
        (heartbeat.refused, "refused"), (heartbeat.late, "late"),
        (heartbeat.dropped, "dropped from time windows"),
    ):  # fmt: skip
        line.append(", " if line else "").append(f"{number:,} {what}", "yellow" if number else "")
    yield line


def _newest(heartbeat: Heartbeat) -> str:
    """Return when the newest row was, by the log's clock; its day, where that is not said yet."""
    if heartbeat.newest is None:
        return ""
    day, _, hour = utc(heartbeat.newest).partition(" ")
    return f", at {hour}" if day in heartbeat.how_far else f", log at {day} {hour}"


def _budget(heartbeat: Heartbeat, *, plain: bool) -> Iterator[RenderableType]:
    opened, still = (heartbeat.incidents[name] for name in ("opened", "open"))
    of_stored = f"{heartbeat.suppressed:,} suppressed among those stored"
    line = Text(f"{counted(heartbeat.alerts, 'alert')} ({of_stored}), ")
    yield line.append(f"{counted(opened, 'incident')}, {still:,} open")
    for name, lately in heartbeat.observed.items():
        if lately is not None:
            yield _of(name, lately, heartbeat.target, plain=plain)
    if heartbeat.calibration:
        yield Text(shown(heartbeat.calibration), style="yellow")


def _of(name: str, lately: Lately, target: Mapping[str, float], *, plain: bool) -> Text:
    """Return a line of the last day or week, against the target."""
    line = Text(f"last {name:<4} ")
    wanted = target.get(lately.name)
    style = {"above": "red", "below": "cyan", "kept": "green"}.get(lately.verdict or "", "")
    if wanted:
        line.append(_bar(lately.value / wanted, plain=plain), style=style).append(" ")
    line.append(alerts_in_words(lately.name, lately.value, lately.low, lately.high))
    return line.append(f", target {amount(lately.name, wanted)}") if wanted else line


def _bar(times: float, *, plain: bool) -> str:
    """Draw a figure against the target, which is in the middle; twice the target fills it."""
    filled = min(round(times * _BAR / 2), _BAR)
    full, empty, mark = ("#", ".", "|") if plain else ("█", "░", "│")
    drawn = full * filled + empty * (_BAR - filled)
    return f"{drawn[: _BAR // 2]}{mark}{drawn[_BAR // 2 :]}"


def _incidents(
    heartbeat: Heartbeat, incidents: Sequence[Incident], most: int
) -> Iterator[RenderableType]:
    yield Text()
    if not incidents:
        yield Text("no open incident", style="dim")
        return
    newest_first = reversed(incidents)
    first = sorted(newest_first, key=lambda one: one.severity, reverse=True)[:most]
    if first:
        yield _table(first, heartbeat.newest)
    if more := len(incidents) - len(first):
        yield Text(f"{counted(more, 'open incident')} {'more, ' if first else ''}not shown", "dim")


def _table(incidents: Sequence[Incident], newest: int | None) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for head in ("severity", "open incident", "who -> whom"):
        whole = head != "who -> whom"
        table.add_column(head, overflow="fold", no_wrap=whole, header_style="bold")
    for head in ("alerts", "for"):
        table.add_column(head, justify="right", no_wrap=True, header_style="bold")
    for one in incidents:
        word = one.severity.word
        table.add_row(
            Text(word, style=_SEVERITIES[word]), Text(one.kind.value), Text(who(one)),
            Text(f"{one.count:,}"), Text(_age(one, newest)),
        )  # fmt: skip
    return table


def _age(incident: Incident, newest: int | None) -> str:
    if incident.opened is None or newest is None:
        return "unknown"
    return in_time(max(newest - incident.opened, 0) / _MINUTE)


def _sinks(sinks: Sequence[SinkBeat], now: int) -> Iterator[RenderableType]:
    if not sinks:
        return
    yield Text()
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("sink", overflow="fold", header_style="bold")
    for head in ("waiting", "delivered", "dropped", "dead"):
        table.add_column(head, justify="right", no_wrap=True, header_style="bold")
    for one in sinks:
        table.add_row(
            Text(shown(one.called)), f"{one.waiting:,}", f"{one.delivered:,}",
            Text(f"{one.dropped:,}", "yellow" if one.dropped else ""),
            Text(f"{one.dead:,}", "red" if one.dead else ""),
        )  # fmt: skip
    yield table
    for one in sinks:
        if one.in_trouble:
            since = (
                "" if one.since is None else f" for {in_time(max(now - one.since, 0) / _MINUTE)}"
            )
            yield Text(f"{shown(one.name)}{since}: {shown(one.trouble)}", style="yellow")


def _notices(heartbeat: Heartbeat) -> Iterator[RenderableType]:
    if heartbeat.notices:
        yield Text()
    for notice in heartbeat.notices:
        yield Text(shown(notice), style="dim")
