"""Alerts and incidents as OCSF Detection Findings (class 2004). What is unknown is left out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from oddwire.live.alerts.alert import Alert, Endpoint, MadeBy
from oddwire.live.alerts.formats.community_id import community_id, protocol_number
from oddwire.live.alerts.formats.wording import TECHNIQUES, first_known, known, why, why_incident
from oddwire.live.alerts.incidents import Change
from oddwire.live.alerts.kinds import Kind
from oddwire.live.alerts.reason import Reason
from oddwire.live.alerts.severity import Severity, risk_score
from oddwire.live.alerts.wire_names import ip_address

VERSION = "1.8.0"

_FINDINGS, _DETECTION_FINDING = 2, 2004
_ACTIVITIES = {"opened": (1, "Create"), "updated": (2, "Update"), "closed": (3, "Close")}
_NEW, _IN_PROGRESS, _SUPPRESSED, _OTHER = (1, "New"), (2, "In Progress"), (3, "Suppressed"), 99
_STATUS = {"opened": _NEW, "updated": _IN_PROGRESS, "closed": (_OTHER, "Ended")}
# (severity_id and its caption, risk_level_id and its caption)
_SEVERITIES = {
    Severity.LOW: ((2, "Low"), (1, "Low")),
    Severity.MEDIUM: ((3, "Medium"), (2, "Medium")),
    Severity.HIGH: ((4, "High"), (3, "High")),
    Severity.CRITICAL: ((5, "Critical"), (4, "Critical")),
}
_LEARNING = (4, "Learning (ML/DL)")
_UNKNOWN, _INBOUND, _OUTBOUND, _LATERAL = 0, 1, 2, 3
_DIRECTIONS = {
    ("inside", "inside"): _LATERAL, ("inside", "outside"): _OUTBOUND,
    ("outside", "inside"): _INBOUND,
}  # fmt: skip
_IP_ADDRESS = (2, "IP Address")


def alert_finding(
    alert: Alert, *, version: str, incident: str | None = None, created: int | None = None
) -> dict[str, Any]:
    """Return an alert as a Detection Finding.

    Parameters
    ----------
    alert
        The alert.
    version
        Of oddwire.
    incident
        The id of its incident; None where it has none.
    created
        When it was raised, in microseconds since 1970; left out, when it could be known.
    """
    moment = first_known(alert.clock, alert.end, alert.start, created)
    about = _finding_info(alert.id, alert.kind, alert.made_by, why(alert)) | known(
        {
            "title": f"Unusual connection: {alert.kind.value}",
            "created_time": _milliseconds(first_known(created, moment)),
            "first_seen_time": _milliseconds(first_known(alert.start, moment)),
            "last_seen_time": _milliseconds(first_known(alert.end, moment)),
            "related_events": [] if incident is None else [{"uid": incident, "type": "incident"}],
        }
    )
    status = _NEW if alert.suppressed_by is None else _SUPPRESSED
    finding = _finding("opened", alert.severity, alert.unit_p_value, version) | {
        "time": _milliseconds(moment) or 0,
        "message": why(alert),
        "status_id": status[0],
        "status": status[1],
        "status_detail": alert.suppressed_by,
        "finding_info": about,
        "evidences": [_evidence(alert)],
        "observables": _observables([alert.source.address], [alert.destination.address]),
        "unmapped": _own(alert.made_by, alert.unit, alert.unit_p_value, alert.reasons)
        | known(
            {
                "p_value": alert.p_value,
                "extrapolated": alert.extrapolated,
                "score": alert.score,
                "incident": incident,
            }
        ),
    }
    return known(finding)


def incident_finding(change: Change, *, version: str, created: int | None = None) -> dict[str, Any]:
    """Return what has become of an incident as a Detection Finding, of one ``finding_info.uid``."""
    incident = change.incident
    moment = first_known(incident.closed, incident.last, incident.end, created)
    about = _finding_info(incident.id, incident.kind, incident.made_by, why_incident(incident))
    about |= known(
        {
            "title": incident.title,
            "created_time": _milliseconds(incident.opened),
            "modified_time": _milliseconds(first_known(created, moment)),
            "first_seen_time": _milliseconds(first_known(incident.start, incident.opened)),
            "last_seen_time": _milliseconds(first_known(incident.end, incident.last)),
            "related_events": [{"uid": incident.worst, "type": "alert"}],
            "related_events_count": incident.count,
        }
    )
    finding = _finding(change.what, incident.severity, incident.unit_p_value, version)
    sources, destinations = incident.sources.values, incident.destinations.values
    ends = known(
        {
            "src_endpoint": _endpoint(Endpoint(sources[0])) if len(sources) == 1 else {},
            "dst_endpoint": _endpoint(Endpoint(destinations[0])) if len(destinations) == 1 else {},
        }
    )
    status, caption = _STATUS[change.what]
    return known(
        finding
        | {
            "time": _milliseconds(moment) or 0,
            "message": incident.title,
            "status_id": status,
            "status": caption,
            "status_detail": incident.why,
            "count": incident.count,
            "finding_info": about,
            "evidences": [ends] if ends else [],
            "observables": _observables(sources, destinations),
            "unmapped": _own(
                incident.made_by, incident.unit, incident.unit_p_value, incident.reasons
            ) | {"kinds": dict(incident.kinds), "ports": list(incident.ports.values)},
        }
    )  # fmt: skip


def _finding(what: str, severity: Severity, unit_p_value: float, version: str) -> dict[str, Any]:
    (severity_id, severity_name), (risk_id, risk_name) = _SEVERITIES[severity]
    activity, caption = _ACTIVITIES[what]
    return {
        "activity_id": activity,
        "activity_name": caption,
        "category_uid": _FINDINGS,
        "category_name": "Findings",
        "class_uid": _DETECTION_FINDING,
        "class_name": "Detection Finding",
        "type_uid": _DETECTION_FINDING * 100 + activity,
        "type_name": f"Detection Finding: {caption}",
        "severity_id": severity_id,
        "severity": severity_name,
        "risk_level_id": risk_id,
        "risk_level": risk_name,
        "risk_score": round(risk_score(severity, unit_p_value)),
        "is_alert": True,
        "metadata": {
            "version": VERSION,
            "product": {"name": "oddwire", "vendor_name": "oddwire", "version": version},
        },
    }


def _finding_info(uid: str, kind: Kind, made_by: MadeBy, told: str) -> dict[str, Any]:
    info: dict[str, Any] = {
        "uid": uid,
        "desc": told,
        "types": [kind.value],
        "analytic": {
            "name": made_by.model,
            "version": made_by.model_version,
            "type_id": _LEARNING[0],
            "type": _LEARNING[1],
        },
        "data_sources": [made_by.source],
    }
    if technique := TECHNIQUES.get(kind):
        info["attacks"] = [
            {
                "technique": {"uid": technique[0], "name": technique[1]},
                "tactic": {"uid": technique[2], "name": technique[3]},
            }
        ]
    return info


def _evidence(alert: Alert) -> dict[str, Any]:
    source, destination = alert.source, alert.destination
    address = ip_address(source.address) or ip_address(destination.address)
    version = None if address is None else address.version
    connection = {
        "uid": alert.uid,
        "protocol_name": None if alert.proto is None else alert.proto.lower(),
        "protocol_num": protocol_number(alert.proto, is_ipv6=version == 6),  # noqa: PLR2004
        "protocol_ver_id": version,
        "direction_id": _DIRECTIONS.get((source.side or "", destination.side or ""), _UNKNOWN),
        "community_uid": community_id(
            source.address, source.port, destination.address, destination.port, alert.proto
        ),
    }
    return known(
        {
            "src_endpoint": _endpoint(source),
            "dst_endpoint": _endpoint(destination, alert.service),
            "connection_info": known(connection),
        }
    )


def _endpoint(end: Endpoint, service: str | None = None) -> dict[str, Any]:
    address = ip_address(end.address)
    content = {
        "ip": None if address is None else str(address),
        "name": end.address if address is None else None,
        "svc_name": service,
    }
    found = known(content)
    # A port alone is no endpoint: one of the others must be there.
    return found | known({"port": end.port}) if found else {}


def _observables(
    sources: Iterable[str | None], destinations: Iterable[str | None]
) -> list[dict[str, Any]]:
    places: dict[str, str] = {}
    for end, names in (("src", sources), ("dst", destinations)):
        for address in map(ip_address, names):
            if address is not None:
                places.setdefault(str(address), f"evidences[].{end}_endpoint.ip")
    return [
        {"name": place, "type_id": _IP_ADDRESS[0], "type": _IP_ADDRESS[1], "value": value}
        for value, place in places.items()
    ]


def _own(
    made_by: MadeBy, unit: str | None, unit_p_value: float, reasons: tuple[Reason, ...]
) -> dict[str, Any]:
    return known(
        {
            "source": made_by.source,
            "threshold": made_by.threshold,
            "data_version": made_by.data_version,
            "unit": unit,
            "unit_p_value": unit_p_value,
            "features": [
                known({"name": reason.feature, "value": reason.value, "share": reason.share})
                for reason in reasons
            ],
        }
    )


def _milliseconds(moment: int | None) -> int | None:
    return None if moment is None else moment // 1000
