"""Alerts and incidents ⇄ what the store keeps of them.

The content of an alert has the features that its row was scored by, each to the last bit, so that
the same model gives the same score again. It is JSON that every reader takes: a missing value is
``null``, an infinite number a text.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from oddwire.live.alerts.alert import Alert
from oddwire.live.alerts.incident import Incident
from oddwire.live.state.records import MoreAlerts, StoredAlert, StoredIncident

_MICROSECONDS = 1_000_000


def stored_alert(
    alert: Alert, *, incident: str = "", features: Mapping[Any, Any] | None = None
) -> StoredAlert:
    """Return what is kept of an alert.

    Parameters
    ----------
    incident
        The incident that it joined; empty where it is suppressed.
    features
        What its row was scored by.

    Examples
    --------
    >>> import math
    >>> from oddwire.live.state.contents import _plain
    >>> [_plain(value) for value in (0.1, math.nan, math.inf, "ssh")]
    [0.1, None, 'inf', 'ssh']
    """
    values = {str(name): _plain(value) for name, value in (features or {}).items()}
    return StoredAlert(
        id=alert.id,
        seen=_seconds(alert.clock),
        content=_json({"alert": alert.to_dict(), "features": values}),
        incident=incident,
        suppressed=alert.suppressed_by or "",
        severity=int(alert.severity),
        kind=alert.kind.value,
        source_address=alert.source.address or alert.unit or "",
        destination=alert.destination.address or "",
    )


def alert_of(stored: StoredAlert) -> Alert:
    """Return the alert that was stored."""
    return Alert.from_dict(json.loads(stored.content)["alert"])


def features_of(stored: StoredAlert) -> dict[str, float | str | None]:
    """Return what the alert's row was scored by; an infinite number as ``inf`` or ``-inf``."""
    features: dict[str, float | str | None] = json.loads(stored.content).get("features", {})
    return features


def more_alerts(incident: str, alerts: Iterable[Alert]) -> MoreAlerts:
    """Return what is kept of alerts of one incident that are not listed."""
    content = [alert.to_dict() for alert in alerts]
    # They are much alike: together an alert takes a tenth of what it takes alone.
    written = json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
    return MoreAlerts(incident, len(content), zlib.compress(written, level=1))


def alerts_together(kept: MoreAlerts) -> list[Alert]:
    """Return the alerts that were kept together."""
    return [Alert.from_dict(each) for each in json.loads(zlib.decompress(kept.content))]


def stored_incident(incident: Incident) -> StoredIncident:
    """Return what is kept of an incident."""
    opened = _seconds(incident.opened)
    last = opened if incident.last is None else _seconds(incident.last)
    ended = last if incident.closed is None else _seconds(incident.closed)
    return StoredIncident(
        id=incident.id,
        opened=opened,
        updated=last,
        content=_json(incident.to_dict()),
        closed=None if incident.state == "open" else ended,
        alerts=incident.count,
        severity=int(incident.severity),
        kind=incident.kind.value,
    )


def incident_of(stored: StoredIncident) -> Incident:
    """Return the incident that was stored, as it stood."""
    return Incident.from_dict(json.loads(stored.content))


def _seconds(clock: int | None) -> float:
    return 0.0 if clock is None else clock / _MICROSECONDS


def _plain(value: Any) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    number = float(value)
    return None if math.isnan(number) else number if math.isfinite(number) else str(number)


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, separators=(",", ":"), allow_nan=False)
