"""What an incident or an alert comes to, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oddwire.durations import in_time
from oddwire.live.alerts.alert import Alert
from oddwire.live.alerts.formats.told import TECHNIQUES
from oddwire.live.alerts.incident import Incident, Seen
from oddwire.live.alerts.kinds import Kind
from oddwire.live.page.words import counted, end_of, rarity, size, utc

_MINUTE = 60_000_000  # microseconds

# What each kind says, in a sentence that begins with "It looks like".
MEANINGS: Mapping[Kind, str] = {
    Kind.BRUTE_FORCE: "brute force: a login is tried far more often than people do",
    Kind.LATERAL_MOVEMENT: "lateral movement: a host inside reaches for others by remote access",
    Kind.TUNNEL: "a tunnel: data is carried inside a protocol that is meant for something else",
    Kind.BEACON: "a beacon: a host inside calls the same place outside, evenly or for the first time",
    Kind.EXFILTRATION: "exfiltration: far more is sent outside than comes back",
    Kind.SCAN: "a scan: one source tries many hosts or ports",
    Kind.FLOOD: "a flood: one target gets far more than it usually does",
    Kind.NEW_SERVICE: "a new service: a service, protocol or direction that benign traffic rarely has",
    Kind.ODD_VOLUME: "an odd volume: amounts or rates that benign traffic rarely has",
    Kind.UNUSUAL: "nothing that has a name: it is the whole that is unusual",
}


def who(seen: Seen) -> str:
    """Return who takes part in a word or two: ``10.0.0.5``, ``32 or more hosts``."""
    if not seen.values:
        return "unknown"
    return str(seen) if len(seen.values) == 1 and not seen.more else f"{seen} hosts"


def where(incident: Incident) -> str:
    """Return ports and services: ``port 22, ssh``; empty where unknown."""
    ports = incident.ports
    parts = []
    if ports.values:
        parts.append(f"port {ports}" if len(ports.values) == 1 else f"{ports} ports")
    if services := incident.services.values:
        parts.append(", ".join(services[:2]) + (" and more" if len(services) > 2 else ""))  # noqa: PLR2004
    return ", ".join(parts)


def story_of(incident: Incident) -> Iterator[str]:
    """Yield an incident as sentences."""
    at = f" ({place})" if (place := where(incident)) else ""
    yield (
        f"{_when(incident)}{who(incident.sources)} raised {counted(incident.count, 'alert')} by "
        f"connections to {who(incident.destinations)}{at}."
    )
    yield (
        "The most unusual of them is as rare as " + rarity(incident.unit_p_value) + "; a unit is "
        "one source of connections in ten minutes."
    )
    yield f"It looks like {MEANINGS[incident.kind]}.{_technique(incident.kind)}"
    if len(incident.kinds) > 1:
        each = sorted(incident.kinds.items(), key=lambda item: -item[1])
        yield f"Alert by alert: {', '.join(f'{count:,} {kind}' for kind, count in each)}."
    yield _standing(incident)


def story_of_alert(alert: Alert) -> Iterator[str]:
    """Yield an alert as sentences."""
    began = f"{utc(alert.start)}: " if alert.start is not None else ""
    carried = " over ".join(part for part in (alert.service, alert.proto) if part)
    yield (
        f"{began}{end_of(alert.source)} connected to {end_of(alert.destination)}"
        f"{f' by {carried}' if carried else ''}, sent {size(alert.source.bytes)} and got "
        f"{size(alert.destination.bytes)}."
    )
    beyond = ", which is beyond what calibration rows can show" if alert.extrapolated else ""
    yield (
        f"It is as rare as {rarity(alert.unit_p_value)}{beyond}; a unit is one source of "
        "connections in ten minutes."
    )
    yield f"It looks like {MEANINGS[alert.kind]}.{_technique(alert.kind)}"


def _when(incident: Incident) -> str:
    first, last = incident.opened, incident.last
    if first is None or last is None:
        return "At a time that is unknown, "
    if last == first:
        return f"At {utc(first)}, "
    return f"From {utc(first)} to {utc(last)} ({in_time((last - first) / _MINUTE)}), "


def _technique(kind: Kind) -> str:
    if kind not in TECHNIQUES:
        return ""
    technique, name, _, tactic = TECHNIQUES[kind]
    return f" In MITRE ATT&CK that would be {technique}, {name} ({tactic})."


def _standing(incident: Incident) -> str:
    if incident.state == "open":
        return "It is open: what comes within ten minutes of its last alert joins it."
    if incident.why == "too many":
        return "It was closed early, since more incidents were open than are kept."
    if incident.closed is None:
        return "It is closed."
    return f"It closed at {utc(incident.closed)}, after ten minutes without an alert."
