"""Alerts and incidents in the words that every command prints of them. Nothing is escaped here."""

from __future__ import annotations

from collections.abc import Iterable

from oddwire.live.alerts.alert import Alert
from oddwire.live.alerts.incident import Incident, Seen
from oddwire.live.alerts.kinds import OF_A_TAKEN_HOST
from oddwire.live.alerts.reason import Reason
from oddwire.live.alerts.words import end_of, utc

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
