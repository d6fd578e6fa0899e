"""Alerts and incidents in the Elastic Common Schema, as nested documents.

Fields of ECS have the types of ECS; ours lie under ``oddwire``. What is unknown is left out.
"""

from __future__ import annotations

from typing import Any

from oddwire.live.alerts.alert import Alert, Endpoint, MadeBy
from oddwire.live.alerts.formats.community_id import community_id, protocol_number
from oddwire.live.alerts.formats.wording import (
    TECHNIQUES,
    first_known,
    iso_time,
    known,
    why,
    why_incident,
)
from oddwire.live.alerts.incidents import Change
from oddwire.live.alerts.kinds import Kind
from oddwire.live.alerts.reason import Reason
from oddwire.live.alerts.severity import Severity, risk_score
from oddwire.live.alerts.wire_names import ip_address

VERSION = "9.4.0"  # the fields used have been the same since 8.0

# What Elastic's own rules give for their severities.
SEVERITIES = {
    Severity.LOW: 21, Severity.MEDIUM: 47, Severity.HIGH: 73, Severity.CRITICAL: 99,
}  # fmt: skip
_DIRECTIONS = {
    ("inside", "inside"): "internal", ("inside", "outside"): "outbound",
    ("outside", "inside"): "inbound", ("outside", "outside"): "external",
}  # fmt: skip


def alert_document(
    alert: Alert, *, observer: str, version: str, incident: str | None = None,
    created: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return an alert as a document.

    Parameters
    ----------
    alert
        The alert.
    observer
        The name of this installation, such as its host's.
    version
        Of oddwire.
    incident
        The id of its incident; None where it has none.
    created
        When it was raised, in microseconds since 1970; left out, when it could be known.
    """
    moment = first_known(alert.clock, alert.end, alert.start, created, 0)
    event = _event(alert.id, alert.severity, alert.unit_p_value) | {
        "action": "alert",
        "start": iso_time(alert.start),
        "end": iso_time(alert.end),
        "created": iso_time(first_known(created, moment)),
        "duration": _nanoseconds(alert.start, alert.end),
        "reason": why(alert),
    }
    own = {
        "p_value": alert.p_value,
        "extrapolated": alert.extrapolated,
        "score": alert.score,
        "uid": alert.uid,
        "incident": incident,
        "suppressed_by": alert.suppressed_by,
    }
    document = _shared(alert.made_by, alert.kind, observer, version) | {
        "@timestamp": iso_time(moment),
        "message": why(alert),
        "event": known(event),
        "source": _endpoint(alert.source),
        "destination": _endpoint(alert.destination),
        "network": _network(alert),
        "related": known({"ip": _addresses(alert.source.address, alert.destination.address)}),
    }
    document["oddwire"] |= known(own) | _own(alert.unit, alert.unit_p_value, alert.reasons)
    return known(document)


def incident_document(
    change: Change, *, observer: str, version: str, created: int | None = None
) -> dict[str, Any]:
    """Return what has become of an incident as a document.

    Its ``event.id`` is that of the incident and what has become of it: the same whenever it is
    sent again, and another for each update.
    """
    incident = change.incident
    moment = first_known(incident.closed, incident.last, incident.end, created, 0)
    event = _event(
        f"{incident.id}-{change.what}-{incident.count}",
        incident.severity, incident.unit_p_value,
    ) | {
        "action": f"incident-{change.what}",
        "start": iso_time(first_known(incident.start, incident.opened)),
        "end": iso_time(first_known(incident.end, incident.last)),
        "created": iso_time(first_known(created, moment)),
        "reason": why_incident(incident),
    }  # fmt: skip
    sources, destinations = incident.sources.values, incident.destinations.values
    own = {
        "incident": incident.id,
        "state": incident.state,
        "closed_because": incident.why,
        "alerts": incident.count,
        "kinds": dict(incident.kinds),
        "worst_alert": incident.worst,
        "sources": list(sources),
        "destinations": list(destinations),
        "ports": list(incident.ports.values),
        "services": list(incident.services.values),
    }
    document = _shared(incident.made_by, incident.kind, observer, version) | {
        "@timestamp": iso_time(moment),
        "message": incident.title,
        "event": known(event),
        "source": _endpoint(Endpoint(sources[0])) if len(sources) == 1 else {},
        "destination": _endpoint(Endpoint(destinations[0])) if len(destinations) == 1 else {},
        "related": known({"ip": _addresses(*sources, *destinations)}),
    }
    document["oddwire"] |= known(own) | _own(incident.unit, incident.unit_p_value, incident.reasons)
    return known(document)


def _event(id_: str, severity: Severity, unit_p_value: float) -> dict[str, Any]:
    return {
        "kind": "alert",
        "category": ["intrusion_detection", "network"],
        "type": ["info"],
        "id": id_,
        "module": "oddwire",
        "dataset": "oddwire.alerts",
        "severity": SEVERITIES[severity],
        "risk_score": risk_score(severity, unit_p_value),
    }


def _shared(made_by: MadeBy, kind: Kind, observer: str, version: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "ecs": {"version": VERSION},
        "rule": {
            "name": f"{made_by.model}: {kind.value}",
            "version": made_by.model_version,
            "category": kind.value,
        },
        "observer": observer_of(observer, version),
        "oddwire": {
            "source": made_by.source,
            "threshold": made_by.threshold,
            "model_version": made_by.model_version,
            "data_version": made_by.data_version,
            "kind": kind.value,
        },
    }  # fmt: skip
    if technique := TECHNIQUES.get(kind):
        document["threat"] = {
            "framework": "MITRE ATT&CK",
            "technique": {"id": [technique[0]], "name": [technique[1]]},
            "tactic": {"id": [technique[2]], "name": [technique[3]]},
        }
    return document


def observer_of(name: str, version: str) -> dict[str, str]:
    """Return who tells: an installation, and its version of oddwire."""
    return {
        "name": name, "type": "ids", "product": "oddwire", "vendor": "oddwire", "version": version,
    }  # fmt: skip


def _own(unit: str | None, unit_p_value: float, reasons: tuple[Reason, ...]) -> dict[str, Any]:
    # Numbers and texts have fields of their own: an index takes one type for a field.
    features = [
        known(
            {
                "name": reason.feature,
                "number": reason.value if isinstance(reason.value, float) else None,
                "text": reason.value if isinstance(reason.value, str) else None,
                "typical_number": reason.typical if isinstance(reason.typical, float) else None,
                "typical_text": reason.typical if isinstance(reason.typical, str) else None,
                "benign_quantile": reason.benign_quantile,
                "benign_share": reason.benign_share,
                "share": reason.share,
            }
        )
        for reason in reasons
    ]
    return known({"unit": unit, "unit_p_value": unit_p_value, "features": features})


def _endpoint(end: Endpoint) -> dict[str, Any]:
    address = ip_address(end.address)
    return known(
        {
            "address": end.address,
            "ip": None if address is None else str(address),
            "port": end.port,
            "bytes": end.bytes,
            "packets": end.packets,
        }
    )


def _network(alert: Alert) -> dict[str, Any]:
    source, destination = alert.source, alert.destination
    address = ip_address(source.address) or ip_address(destination.address)
    number = protocol_number(alert.proto, is_ipv6=address is not None and address.version == 6)  # noqa: PLR2004
    return known(
        {
            "community_id": community_id(
                source.address, source.port, destination.address, destination.port, alert.proto
            ),
            "transport": _lower(alert.proto),
            "iana_number": None if number is None else str(number),
            "protocol": _lower(alert.service),
            "type": None if address is None else f"ipv{address.version}",
            "direction": _DIRECTIONS.get((source.side or "", destination.side or "")),
            "bytes": _sum(source.bytes, destination.bytes),
            "packets": _sum(source.packets, destination.packets),
        }
    )


def _addresses(*names: str | None) -> list[str]:
    addresses = (ip_address(name) for name in names)
    return list(dict.fromkeys(str(address) for address in addresses if address is not None))


def _nanoseconds(start: int | None, end: int | None) -> int | None:
    if start is None or end is None or end < start:
        return None
    return (end - start) * 1000


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()
