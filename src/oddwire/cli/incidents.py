"""``oddwire incidents``: what was raised, the newest first; or one incident with its alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from oddwire.cli import alert_options
from oddwire.cli.options import AsJson
from oddwire.errors import ParameterError, short_repr
from oddwire.project import Project

if TYPE_CHECKING:
    from oddwire.live.state import AlertStore

STATES = ("open", "closed")
_ALERTS_SHOWN = 10
EPILOG = """
**Examples**

`oddwire incidents`

`oddwire incidents 3f2a81bc`

`oddwire incidents --state open --severity high`

`oddwire incidents --source office --since 2026-03-02 --address 10.0.3. --json`
"""


def incidents(
    name: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="Show this incident: its id, or the first 4 digits or "
            "more. None: list them.", show_default=False,
        ),
    ] = "",
    *,
    source: alert_options.Source = "",
    state: Annotated[
        str, typer.Option(metavar="STATE", help="open or closed.", show_default=False)
    ] = "",
    severity: alert_options.Severity = "",
    kind: alert_options.Kind = "",
    since: alert_options.Since = "",
    until: alert_options.Until = "",
    address: alert_options.Address = "",
    limit: alert_options.Limit = 20,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """List incidents, the newest first, or show one."""
    if state not in {"", *STATES}:
        raise ParameterError(f"--state must be open or closed, got {short_repr(state)}")
    asked = alert_options.asked(
        source=source, severity=severity, kind=kind, since=since, until=until, address=address
    )
    asked["state"] = state or None
    project = Project.find()
    with alert_options.open_store(project) as store:
        if name:
            _show(project, store, name, as_json=as_json)
        else:
            _list(store, asked, limit, as_json=as_json)


def _list(store: AlertStore, asked: dict[str, Any], limit: int, *, as_json: bool) -> None:
    from oddwire.cli.terminal.printing import print_json, printer
    from oddwire.live.state import incident_of

    found = [incident_of(one) for one in store.incidents(**asked, limit=limit + 1)]
    shown = found[:limit]
    if as_json:
        print_json([one.to_dict() for one in shown])
        return
    if not shown:
        which = "like that" if any(asked.values()) else "yet"
        printer().print(f"There is no incident {which}")
        return
    from oddwire.cli.terminal.incidents import print_incidents

    more = len(found) > limit
    print_incidents(shown, title=f"The newest {len(shown)} incidents" if more else "Incidents")
    printer().print("\n`oddwire incidents ID` shows one", style="dim")


def _show(project: Project, store: AlertStore, name: str, *, as_json: bool) -> None:
    from oddwire.live.state import alert_of, incident_of

    found = store.incident(name)
    incident = incident_of(found)
    alerts = [alert_of(one) for one in store.alerts_of(found.id, limit=_ALERTS_SHOWN)]
    if as_json:
        from oddwire.cli.terminal.printing import print_json

        print_json(incident.to_dict() | {"first_alerts": [one.to_dict() for one in alerts]})
        return
    from oddwire.cli.terminal.incidents import print_incident

    print_incident(incident, alerts, most=alert_options.MOST_LISTED)
    from oddwire.live.verdicts.labelling import judged_incident

    ids = {
        found.id,
        *(one.id for one in store.alerts_of(found.id, limit=alert_options.MOST_LISTED)),
    }
    alert_options.print_verdicts(judged_incident(project, incident.made_by.source, ids))
