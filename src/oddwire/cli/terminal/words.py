"""Alerts and incidents in the words that every command prints of them. Nothing is escaped here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from oddwire.live.alerts.alert import Alert, Endpoint
from oddwire.live.alerts.incident import Incident, Seen
from oddwire.live.alerts.kinds import OF_A_TAKEN_HOST
from oddwire.live.alerts.reason import Reason
from oddwire.percent import odds

SHORT_ID = 10  # letters of an id that lists show: enough for a million alerts
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NO_TIME = "-"


def utc(moment: int | None, *, seconds: bool = False) -> str:
    """Return microseconds since 1970 as a time in UTC, to the minute or the second."""
    if moment is None:
        return _NO_TIME
    try:
        time = _EPOCH + dt.timedelta(microseconds=moment)
    except OverflowError:
        return _NO_TIME
    return f"{time:%Y-%m-%d %H:%M:%S}" if seconds else f"{time:%Y-%m-%d %H:%M}"


def odds_of(unit_p_value: float) -> str:
    """Return a unit p-value in words, as ``about 1 in 40,000 benign units``."""
    return f"{odds(unit_p_value)} units"


def end_of(end: Endpoint) -> str:
    """Return an end of a connection, as ``10.0.0.5:22`` or ``[fe80::1]:22``."""
    if end.port is None:
        return end.address or "unknown"
    if end.address is None:
        return f"port {end.port}"
    return f"[{end.address}]:{end.port}" if ":" in end.address else f"{end.address}:{end.port}"


def hosts_of(seen: Seen) -> str:
    """Return a host, or how many there are, as ``32 or more hosts``."""
    if not seen.values:
        return "unknown"
    return str(seen) if len(seen.values) == 1 and not seen.more else f"{seen} hosts"


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
    when = "" if incident.closed is None else f" {utc(incident.closed)} UTC"
    return f"closed{when}{f', {why}' if why else ''}"


def phrases_of(reasons: Iterable[Reason]) -> list[str]:
    """Return a phrase for each of the first features that set an alert apart."""
    import pandas as pd

    from oddwire.detection.explaining import phrases

    rows = [
        {
            "rank": rank, "feature": reason.feature, "value": reason.value,
            "benign_median": reason.typical, "share": reason.share,
            "benign_quantile": float("nan") if reason.benign_quantile is None
            else reason.benign_quantile,
            "benign_share": reason.benign_share,
        }
        for rank, reason in enumerate(reasons, 1)
    ]  # fmt: skip
    return phrases(pd.DataFrame(rows))[0] if rows else []


def connection_of(alert: Alert) -> str:
    """Return from where to where an alert's connection went."""
    return f"{end_of(alert.source)} -> {end_of(alert.destination)}"
