"""What to run in a terminal about an incident or an alert, ready to be copied.

Addresses and services come from the wire: whatever they hold, a shell takes each as one word.
"""

from __future__ import annotations

import datetime as dt
import shlex
from dataclasses import dataclass

from oddwire.live.alerts.alert import Alert
from oddwire.live.alerts.incident import Incident
from oddwire.live.alerts.wire_names import ip_address

_DAYS = 30  # that an allow-list entry holds, if people do not say otherwise
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
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
    return [
        *_judging(incident.id, "incident"),
        *_allowing(
            incident.sources.values if not incident.sources.more else (),
            incident.destinations.values if not incident.destinations.more else (),
            incident.services.values if not incident.services.more else (),
            incident.last,
        ),
    ]


def of_alert(alert: Alert) -> list[Command]:
    """Return the commands about an alert."""
    ends = (alert.source.address, alert.destination.address, alert.service)
    source, destination, service = ((end,) if end else () for end in ends)
    return [*_judging(alert.id, "alert"), *_allowing(source, destination, service, alert.clock)]


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
    sources: tuple[str, ...],
    destinations: tuple[str, ...],
    services: tuple[str, ...],
    last: int | None,
) -> list[Command]:
    """Return how to send no more of the same: for what is one address and one service alone."""
    words = []
    for option, names in (("--source", sources), ("--destination", destinations)):
        address = ip_address(names[0]) if len(names) == 1 else None
        words += [option, str(address)] if address else []
    if not words:
        return []
    words += ["--service", services[0]] if len(services) == 1 else []
    words += ["--expires", _expiry(last), "--reason", _REASON]
    purpose = f"Send no more of the same for {_DAYS} days; it is still kept and counted"
    return [Command(purpose, shlex.join(["oddwire", "allow", "add", *words]))]


def _expiry(last: int | None) -> str:
    try:
        began = _EPOCH + dt.timedelta(microseconds=last or 0) if last is not None else _today()
        return f"{began + dt.timedelta(days=_DAYS):%Y-%m-%d}"
    except OverflowError:
        return f"{_today() + dt.timedelta(days=_DAYS):%Y-%m-%d}"


def _today() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
