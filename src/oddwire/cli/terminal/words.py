"""Alerts and incidents in the words that every command prints of them. Nothing is escaped here."""

from __future__ import annotations

from collections.abc import Iterable

from oddwire.live.alerts.alert import Alert
from oddwire.live.alerts.formats.feature_words import against_benign, in_words
from oddwire.live.alerts.incident import Incident, Seen
from oddwire.live.alerts.kinds import OF_A_TAKEN_HOST
from oddwire.live.alerts.reason import Reason
from oddwire.live.alerts.words import end_of, utc
from oddwire.percent import percent

_NAMED = 3  # features
SHORT_ID = 10  # letters of an id that lists show: enough for a million alerts


def listed(seen: Seen) -> str:
    """Return all values that an incident names."""
    return ", ".join(seen.values) + (" and more" if seen.more else "")


def state_of(incident: Incident) -> str:
    """Return an incident's state, and why it is closed."""
    if incident.state == "open":
        return "open"
    pause = "an hour" if incident.kind in OF_A_TAKEN_HOST else "ten minutes"
    why = {
        "quiet": f"no alert came for {pause}",
        "too many": "too many incidents were open",
    }.get(incident.why or "", "")
    when = "" if incident.closed is None else f" {utc(incident.closed, seconds=False)}"
    return f"closed{when}{f', {why}' if why else ''}"


def phrases_of(reasons: Iterable[Reason]) -> list[str]:
    """Return a phrase for each of the first features that set an alert apart."""
    return [
        f"{percent(reason.share, 2)}: {in_words(reason)}, {against_benign(reason)}"
        for reason in list(reasons)[:_NAMED]
        if reason.share > 0
    ]


def connection_of(alert: Alert) -> str:
    """Return from where to where an alert's connection went."""
    return f"{end_of(alert.source)} -> {end_of(alert.destination)}"
