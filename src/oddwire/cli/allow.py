"""``oddwire allow``: the alerts that are not to be sent, until when and why."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.cli.options import AsJson
from oddwire.errors import NoStoreError
from oddwire.project import Project

if TYPE_CHECKING:
    from oddwire.live.verdicts.allow_list import ListedEntry
    from oddwire.live.verdicts.stored_alerts import Applied

EPILOG = """
The list is `allow_list.yaml` in the project: edit it by hand or by these commands. `oddwire watch`
takes up a change at once. Suppressed alerts are kept and counted, and are no benign labels.

**Examples**

`oddwire allow  # the entries, and how many stored alerts each suppresses`

`oddwire allow add --source 10.0.3.0/24 --expires 2026-12-31 --reason backups`

`oddwire allow remove 2`

`oddwire allow apply  # after the file was edited: to the stored alerts`
"""
_ADD_EPILOG = """
Each part that is given must fit. `oddwire allow` lists what there is.

**Examples**

`oddwire allow add --source 10.0.3.7 --expires 30d --reason "our own scanner"`

`oddwire allow add --service dns --for office --expires 7d --reason resolvers`

`oddwire allow add --service icmp --expires 2026-12-31T18:00 --reason pings`
"""

_MOST_SERVICES = 10

app = typer.Typer(invoke_without_command=True, rich_markup_mode="markdown")


@app.callback(epilog=EPILOG)
def allow(context: typer.Context, as_json: AsJson = False) -> None:
    """List the alerts that are not to be sent, and how many stored ones each entry suppresses."""
    if context.invoked_subcommand is not None:
        return
    quiet_tools(terminal=True)
    from oddwire.live.verdicts.allow_list import read_allow_list

    project = Project.find()
    listed = read_allow_list(project.allow_list)
    counts = _counts(project, listed)
    now = dt.datetime.now(dt.UTC)
    if as_json:
        from oddwire.cli.terminal.printing import print_json

        print_json([_content(each, counts, now) for each in listed])
        return
    from oddwire.cli.terminal.printing import printer

    if not listed:
        printer().print("every alert is sent: the allow-list has no entry")
    for each in listed:
        show(each, counts, now)


@app.command(epilog=_ADD_EPILOG)
def add(
    expires: Annotated[
        str, typer.Option(metavar="DATE", help="When it ends: a date, a time, or days as 30d.")
    ],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it stands with the alerts.")],
    source: Annotated[
        str | None, typer.Option(metavar="NET", help="Where they come from: 10.0.3.0/24.")
    ] = None,
    destination: Annotated[
        str | None, typer.Option(metavar="NET", help="Where they go to.")
    ] = None,
    service: Annotated[
        str | None, typer.Option(metavar="NAME", help="Their service, or protocol: ssh, icmp.")
    ] = None,
    only_for: Annotated[
        str | None,
        typer.Option("--for", metavar="SOURCE", help="Alerts of one source of params.yaml alone."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add an entry, and apply the list to the alerts that are stored.

    What else stands in allow_list.yaml stays, comments too.
    """
    quiet_tools(terminal=True)
    from oddwire.live.verdicts.allowing import add_entry

    project = Project.find()
    given = {
        "source": source, "destination": destination, "service": service, "expires": expires,
        "reason": reason,
    }  # fmt: skip
    added = add_entry(project, given, source=only_for)
    _changed(project, "added", added, as_json=as_json)


@app.command()
def remove(
    number: Annotated[int, typer.Argument(metavar="N", help="Its number in `oddwire allow`.")],
    as_json: AsJson = False,
) -> None:
    """Remove an entry, and apply the list to the alerts that are stored."""
    quiet_tools(terminal=True)
    from oddwire.live.verdicts.allowing import remove_entry

    project = Project.find()
    _changed(project, "removed", remove_entry(project, number), as_json=as_json)


@app.command()
def apply(as_json: AsJson = False) -> None:
    """Apply the list to the alerts that are stored: nothing is sent, incidents stay as they are."""
    quiet_tools(terminal=True)
    from oddwire.live.state.database import store_address
    from oddwire.live.verdicts.stored_alerts import apply_again

    project = Project.find()
    applied = apply_again(project, store_address(project.live))
    if as_json:
        from oddwire.cli.terminal.printing import print_json

        print_json(applied.to_dict())
    else:
        _show_applied(applied)


def show(listed: ListedEntry, counts: dict[int, int] | None, now: dt.datetime) -> None:
    """Print an entry: what it covers, until when, how many alerts, and why."""
    from rich.padding import Padding
    from rich.text import Text

    from oddwire.cli.terminal.printing import printer
    from oddwire.live.verdicts.allow_list import in_short
    from oddwire.traffic.wire_text import printable

    entry = listed.entry
    parts = [
        "" if entry.source is None else f"from {in_short(entry.source)}",
        "" if entry.destination is None else f"to {in_short(entry.destination)}",
        "" if entry.service is None else f"service {entry.service}",
        "" if listed.source is None else f"for {listed.source}",
    ]
    ends = f"{entry.expires.astimezone(dt.UTC):%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    over = entry.expires <= now
    until = f"expired {ends}" if over else f"until {ends}"
    count = [] if counts is None else [f"suppresses {_alerts(counts[listed.number])}"]
    line = ", ".join([" ".join(filter(None, parts)), until, *count])
    console = printer()
    console.print(
        Text(printable(f"{listed.number}. {line}"), style="dim" if over else ""), soft_wrap=True
    )
    console.print(
        Padding(Text(printable(entry.reason), overflow="fold"), (0, 0, 0, 3), expand=False)
    )


def _changed(project: Project, done: str, listed: ListedEntry, *, as_json: bool) -> None:
    from oddwire.live.state.database import store_address
    from oddwire.live.verdicts.stored_alerts import apply_again

    applied = None
    with suppress(NoStoreError):  # nothing was watched yet
        applied = apply_again(project, store_address(project.live))
    now = dt.datetime.now(dt.UTC)
    if as_json:
        from oddwire.cli.terminal.printing import print_json

        about = {"stored": None if applied is None else applied.to_dict()}
        print_json({done: _content(listed, None, now), **about})
        return
    from oddwire.cli.terminal.printing import printer

    printer().print(f"{done.capitalize()} in allow_list.yaml:")
    show(listed, None, now)
    if applied is not None:
        _show_applied(applied)
    if done == "added":
        _show_unknown_service(project, listed)


def _show_unknown_service(project: Project, listed: ListedEntry) -> None:
    """Say where no alert has the service of an entry: logs have names of their own for them."""
    from oddwire.cli.terminal.printing import printer
    from oddwire.live.state.database import store_address
    from oddwire.live.state.reading import AlertStore
    from oddwire.live.verdicts.stored_alerts import other_services
    from oddwire.traffic.wire_text import printable

    if (service := listed.entry.service) is None:
        return
    with suppress(NoStoreError), AlertStore(store_address(project.live)) as store:
        if names := other_services(store, service):
            printer().print(
                printable(
                    f"None of the newest alerts is of the service {service}: theirs are "
                    f"{', '.join(names[:_MOST_SERVICES])}"
                ),
                markup=False, soft_wrap=True,
            )  # fmt: skip


def _show_applied(applied: Applied) -> None:
    from oddwire.cli.terminal.printing import printer

    printer().print(
        f"Of {_alerts(applied.alerts)} in the store, {applied.suppressed:,} are suppressed:"
        f" {applied.newly:,} newly, {applied.no_longer:,} no longer",
        soft_wrap=True,
    )
    if applied.together:
        printer().print(
            f"The list was not applied to {applied.together:,} more, which are kept together with "
            "their incidents",
            soft_wrap=True,
        )


def _alerts(number: int) -> str:
    return "1 alert" if number == 1 else f"{number:,} alerts"


def _counts(project: Project, listed: tuple[ListedEntry, ...]) -> dict[int, int] | None:
    """Count the stored alerts that each entry suppresses; None where nothing was watched yet."""
    from oddwire.live.state.database import store_address
    from oddwire.live.state.reading import AlertStore
    from oddwire.live.verdicts.allowing import count_covered
    from oddwire.live.verdicts.stored_alerts import suppressed_alerts

    try:
        with AlertStore(store_address(project.live)) as store:
            return count_covered(listed, suppressed_alerts(store))
    except NoStoreError:
        return None


def _content(
    listed: ListedEntry, counts: dict[int, int] | None, now: dt.datetime
) -> dict[str, Any]:
    from oddwire.live.verdicts.allow_list import in_short

    entry = listed.entry
    content = {"number": listed.number, **entry.to_dict(), "for": listed.source}
    for name, network in (("source", entry.source), ("destination", entry.destination)):
        content |= {} if network is None else {name: in_short(network)}
    content["expired"] = entry.expires <= now
    return content | ({} if counts is None else {"suppresses": counts[listed.number]})
