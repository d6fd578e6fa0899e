"""What to run in a terminal about an incident or an alert, ready to be copied.

Addresses and services come from the wire: whatever they hold, a shell takes each as one word.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from oddwire.live.alerts.alert import Alert
from oddwire.live.alerts.incident import Incident
from oddwire.live.alerts.wire_names import ip_address

_DAYS = 30  # that an allow-list entry holds, if people do not say otherwise
_REASON = "why it is harmless"


@dataclass(frozen=True)
class Command:
    """A line for a shell.

    Parameters
    ----------
    purpose
        What it is for.
    line
        The line.
    """

    purpose: str
    line: str


def of_incident(incident: Incident) -> list[Command]:
    """Return the commands about an incident."""
    sources, destinations, services = (
        () if seen.more else seen.values
        for seen in (incident.sources, incident.destinations, incident.services)
    )
    return [
        *_judging(incident.id, "incident"),
        *_allowing(incident.made_by.source, sources, destinations, services),
    ]


def of_alert(alert: Alert) -> list[Command]:
    """Return the commands about an alert."""
    ends = (alert.source.address, alert.destination.address, alert.service)
    known = [(end,) if end else () for end in ends]
    return [*_judging(alert.id, "alert"), *_allowing(alert.made_by.source, *known)]


def start_line(source: str) -> str:
    """Return how to watch a source."""
    return shlex.join(["oddwire", "watch", source])


def _judging(name: str, what: str) -> list[Command]:
    return [
        Command("Score it again and say why", shlex.join(["oddwire", "explain", name])),
        Command(
            f"The {what} is harmless: let trainings know",
            shlex.join(["oddwire", "label", name, "benign", "--note", _REASON]),
        ),
        Command(
            f"The {what} is an attack: let trainings know",
            shlex.join(["oddwire", "label", name, "attack"]),
        ),
    ]


def _allowing(
    source: str,
    sources: tuple[str, ...],
    destinations: tuple[str, ...],
    services: tuple[str, ...],
) -> list[Command]:
    """Return how to send no more of the same, from what is one address and one service alone."""
    words = []
    for option, names in (("--source", sources), ("--destination", destinations)):
        address = ip_address(names[0]) if len(names) == 1 else None
        words += [option, str(address)] if address else []
    if not words:
        return []
    words += ["--service", services[0]] if len(services) == 1 else []
    words += ["--for", source, "--expires", f"{_DAYS}d", "--reason", _REASON]
    purpose = f"Send no more of the same for {_DAYS} days; it is still kept and counted"
    return [Command(purpose, shlex.join(["oddwire", "allow", "add", *words]))]
