"""What an incident or an alert comes to, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from markupsafe import Markup

from oddwire.durations import in_time
from oddwire.live.alerts.alert import Alert
from oddwire.live.alerts.formats.wording import TECHNIQUES
from oddwire.live.alerts.incident import Incident
from oddwire.live.alerts.kinds import OF_A_TAKEN_HOST, Kind
from oddwire.live.alerts.words import counted, end_of, rarity, utc, where
from oddwire.live.page.texts.words import LONGEST, size
from oddwire.traffic.wire_text import printable

_MINUTE = 60_000_000  # microseconds

# What each kind says, in a sentence that begins with "It looks like".
MEANINGS: Mapping[Kind, str] = {
    Kind.BRUTE_FORCE: "brute force: a login is tried far more often than people do",
    Kind.LATERAL_MOVEMENT: "lateral movement: a host inside reaches for others by remote access",
    Kind.TUNNEL: "a tunnel: data is carried inside a protocol that is meant for something else",
    Kind.BEACON: "a beacon: a host inside calls one place outside, evenly or for the first time",
    Kind.EXFILTRATION: "exfiltration: far more is sent outside than comes back",
    Kind.SCAN: "a scan: one source tries many hosts or ports",
    Kind.FLOOD: "a flood: one target gets far more than it usually does",
    Kind.NEW_SERVICE: "a new service: it, its protocol or direction is rare in benign traffic",
    Kind.ODD_VOLUME: "an odd volume: amounts or rates that benign traffic rarely has",
    Kind.UNUSUAL: "nothing that has a name: it is the whole that is unusual",
}


def story_of(incident: Incident) -> Iterator[str]:
    """Yield an incident as sentences, of which those with names from the wire are markup."""
    at = Markup(" at {}").format(_isolated(place)) if (place := where(incident)) else ""
    sources, destinations = (
        _isolated(incident.sources.hosts),
        _isolated(incident.destinations.hosts),
    )
    yield Markup("{}{} raised {} by connections to {}{}.").format(
        _when(incident), sources, counted(incident.count, "alert"), destinations, at
    )
    yield (
        f"The most unusual of them: {rarity(incident.unit_p_value)}; a unit is "
        "one source of connections in ten minutes."
    )
    yield f"It looks like {MEANINGS[incident.kind]}.{_technique(incident.kind)}"
    if len(incident.kinds) > 1:
        each = sorted(incident.kinds.items(), key=lambda item: -item[1])
        yield f"Alert by alert: {', '.join(f'{count:,} {kind}' for kind, count in each)}."
    if incident.unlisted:
        yield f"{incident.unlisted}."
    yield _standing(incident)


def story_of_alert(alert: Alert) -> Iterator[str]:
    """Yield an alert as sentences, likewise."""
    began = "" if alert.start is None else f"{utc(alert.start)}: "
    carried = " over ".join(part for part in (alert.service, alert.proto) if part)
    yield Markup("{}{} connected to {}{}, sent {} and got {}.").format(
        began,
        _isolated(end_of(alert.source)),
        _isolated(end_of(alert.destination)),
        Markup(" by {}").format(_isolated(carried)) if carried else "",
        size(alert.source.bytes),
        size(alert.destination.bytes),
    )
    beyond = ", which is beyond what calibration rows can show" if alert.extrapolated else ""
    yield (
        f"How unusual: {rarity(alert.unit_p_value)}{beyond}; a unit is one source of "
        "connections in ten minutes."
    )
    yield f"It looks like {MEANINGS[alert.kind]}.{_technique(alert.kind)}"


def _isolated(text: str) -> Markup:
    """Return text from the wire such that its letters cannot turn the sentence around it."""
    return Markup("<bdi>{}</bdi>").format(printable(text, LONGEST))


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
    pause = "an hour" if incident.kind in OF_A_TAKEN_HOST else "ten minutes"
    if incident.state == "open":
        return f"It is open: what comes within {pause} of its last alert joins it."
    if incident.why == "too many":
        return "It was closed early, since more incidents were open than are kept."
    if incident.closed is None:
        return "It is closed."
    return f"It closed at {utc(incident.closed)}, after {pause} without an alert."
