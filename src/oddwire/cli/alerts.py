"""``oddwire alerts``: single alerts, the newest first; or one alert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from oddwire.cli import alert_options
from oddwire.cli.options import AsJson
from oddwire.project import Project

if TYPE_CHECKING:
    from oddwire.live.state import AlertStore, StoredAlert

EPILOG = """
**Examples**

`oddwire alerts`

`oddwire alerts d13802925810`

`oddwire alerts --incident 3f2a81bc --limit 100`

`oddwire alerts --suppressed --since 2026-03-02 --until 2026-03-03 --json`
"""


def alerts(
    name: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="Show this alert: its id, or the first 4 digits or "
            "more. None: list them.", show_default=False,
        ),
    ] = "",
    *,
    source: alert_options.Source = "",
    incident: Annotated[
        str, typer.Option(metavar="ID", help="Of one incident.", show_default=False)
    ] = "",
    severity: alert_options.Severity = "",
    kind: alert_options.Kind = "",
    since: alert_options.Since = "",
    until: alert_options.Until = "",
    address: alert_options.Address = "",
    suppressed: Annotated[
        bool | None,
        typer.Option(
            "--suppressed/--sent", help="Those that the allow-list kept back, or the others.",
            show_default=False,
        ),
    ] = None,
    limit: alert_options.Limit = 20,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """List alerts, the newest first, or show one."""
    asked = alert_options.asked(
        source=source, severity=severity, kind=kind, since=since, until=until, address=address
    )
    asked["suppressed"] = suppressed
    project = Project.find()
    with alert_options.open_store(project) as store:
        if name:
            _show(project, store.alert(name), as_json=as_json)
            return
        if incident:
            asked["incident"] = store.incident(incident).id
        _list(store, asked, limit, as_json=as_json)


def _list(store: AlertStore, asked: dict[str, Any], limit: int, *, as_json: bool) -> None:
    from oddwire.cli.terminal.printing import print_json, printer
    from oddwire.live.state import alert_of

    found = store.alerts(**asked, limit=limit + 1)
    shown = found[:limit]
    if as_json:
        print_json([_plain(one) for one in shown])
        return
    if not shown:
        which = "yet" if all(value is None for value in asked.values()) else "like that"
        printer().print(f"There is no alert {which}")
        return
    from oddwire.cli.terminal.incidents import print_alerts

    title = f"The newest {len(shown)} alerts" if len(found) > limit else "Alerts"
    print_alerts([alert_of(one) for one in shown], title=title)
    printer().print("\n`oddwire alerts ID` shows one", style="dim")


def _show(project: Project, found: StoredAlert, *, as_json: bool) -> None:
    from oddwire.live.state import alert_of, features_of

    if as_json:
        from oddwire.cli.terminal.printing import print_json

        print_json(_plain(found) | {"features": features_of(found)})
        return
    from oddwire.cli.terminal.incidents import print_alert

    alert = alert_of(found)
    print_alert(alert, incident=found.incident)
    from oddwire.live.verdicts.labelling import judged_alert

    alert_options.print_verdicts(judged_alert(project, alert))


def _plain(found: StoredAlert) -> dict[str, Any]:
    from oddwire.live.state import alert_of

    return alert_of(found).to_dict() | {"incident": found.incident or None}
