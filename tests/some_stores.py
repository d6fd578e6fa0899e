"""Stores of alerts for tests, filled as `oddwire watch` fills them."""

from __future__ import annotations

from dataclasses import replace

from some_alerts import NOON

from oddwire.live.alerts.incidents import OpenIncidents
from oddwire.live.state import Commit, Store
from oddwire.live.state.contents import more_alerts, stored_alert, stored_incident
from oddwire.live.state.database import store_address


def store_of(project, *alerts, features=None):
    """Make the store of a project, commit alerts and their incidents, and return the incidents."""
    found = {}
    for source in sorted({alert.made_by.source for alert in alerts}) or ["office"]:
        ours = [alert for alert in alerts if alert.made_by.source == source]
        grouped = OpenIncidents().update(ours, now=NOON)
        incidents = grouped.changed
        kept = tuple(
            stored_alert(one, incident=grouped.joined.get(one.id, ""), features=features)
            for one in ours
            if one.id not in grouped.unlisted
        )
        made = Commit(
            b"", alerts=kept, more_alerts=kept_together(ours, grouped),
            incidents=tuple(map(stored_incident, incidents.values())),
        )  # fmt: skip
        with Store(store_address(project.live), source=source) as store:
            store.commit(made, after=store.following())
        found |= incidents
    return list(found.values())


def kept_together(alerts, grouped):
    """Return the alerts that are not listed, those of an incident together."""
    of_incident = {}
    for alert in alerts:
        if alert.id in grouped.unlisted:
            of_incident.setdefault(grouped.joined[alert.id], []).append(alert)
    return tuple(more_alerts(name, found) for name, found in of_incident.items())


def of_source(alert, source):
    """Return an alert of another source."""
    return replace(alert, made_by=replace(alert.made_by, source=source))
