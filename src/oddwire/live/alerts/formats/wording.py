"""What all formats say of alerts and incidents in the same words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from oddwire.live.alerts.alert import Alert
from oddwire.live.alerts.formats.feature_words import in_words, without_time
from oddwire.live.alerts.incident import Incident
from oddwire.live.alerts.kinds import Kind
from oddwire.live.alerts.reason import Reason
from oddwire.live.alerts.words import rarity, where

_FIRST = -62_135_596_800_000_000  # the year 1
_LAST = 253_402_300_799_999_999  # the end of the year 9999: ISO 8601 has no later one
_NAMED = 3  # features in a sentence, each in one time window

# MITRE ATT&CK's techniques that kinds suggest: (technique, name, tactic, name).
TECHNIQUES: Mapping[Kind, tuple[str, str, str, str]] = {
    Kind.SCAN: ("T1046", "Network Service Discovery", "TA0007", "Discovery"),
    Kind.FLOOD: ("T1498", "Network Denial of Service", "TA0040", "Impact"),
    Kind.BRUTE_FORCE: ("T1110", "Brute Force", "TA0006", "Credential Access"),
    Kind.LATERAL_MOVEMENT: ("T1021", "Remote Services", "TA0008", "Lateral Movement"),
    Kind.BEACON: ("T1071", "Application Layer Protocol", "TA0011", "Command and Control"),
    Kind.TUNNEL: ("T1572", "Protocol Tunneling", "TA0011", "Command and Control"),
    Kind.EXFILTRATION: (
        "T1048", "Exfiltration Over Alternative Protocol", "TA0010", "Exfiltration",
    ),
}  # fmt: skip


def known(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of some values: neither None nor empty."""
    return {name: value for name, value in content.items() if value not in (None, {}, [])}


def first_known(*moments: int | None) -> int | None:
    """Return the first moment that is known."""
    return next((moment for moment in moments if moment is not None), None)


def iso_time(moment: int | None) -> str | None:
    """Return microseconds since 1970 as ISO 8601 in UTC; None where no year has four digits.

    Examples
    --------
    >>> iso_time(1_500_000)
    '1970-01-01T00:00:01.500000Z'
    """
    if moment is None or not _FIRST <= moment <= _LAST:
        return None
    time = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=moment)
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def why(alert: Alert) -> str:
    """Return an alert's reason as a sentence."""
    return f"{alert.kind.value}: {_rarity(alert.unit_p_value)}{_reasons(alert.reasons)}"


def why_incident(incident: Incident) -> str:
    """Return an incident's reason as a sentence."""
    at = f" at {place}" if (place := where(incident)) else ""
    return f"{incident.title}{at}; {_rarity(incident.unit_p_value)}{_reasons(incident.reasons)}"


def _rarity(unit_p_value: float) -> str:
    text = rarity(unit_p_value, "hosts in ten minutes")
    return f"as unusual as {text}" if unit_p_value > 0 else text


def _reasons(reasons: tuple[Reason, ...]) -> str:
    different = {without_time(reason.feature): reason for reason in reversed(reasons)}
    named = [reason for reason in reasons if different[without_time(reason.feature)] is reason]
    return "".join(f"; {in_words(reason)}" for reason in named[:_NAMED])
