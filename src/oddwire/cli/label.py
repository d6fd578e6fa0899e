"""``oddwire label``: what an alert or an incident was, in a person's judgement."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.cli.options import AsJson
from oddwire.errors import ParameterError
from oddwire.project import Project

if TYPE_CHECKING:
    from oddwire.live.verdicts.labelling import Labelled

EPILOG = """
The verdict is kept in `labels/SOURCE.csv`, which belongs in git, and enters the next training of
the source. It wins over the label of the log. A later verdict takes an earlier one's place.

**Examples**

`oddwire label 3f2a91c0 attack --attack ssh_brute_force --note "by the owner"`

`oddwire label 8c0de4d2 benign  # an incident: its first 10,000 alerts`

`oddwire label 3f2a91c0 --remove`
"""


class Word(StrEnum):
    """What an alert was."""

    BENIGN = "benign"
    ATTACK = "attack"


def label(
    name: Annotated[
        str,
        typer.Argument(metavar="ID", help="Of an alert or an incident, or how the id begins."),
    ],
    verdict: Annotated[
        Word | None, typer.Argument(metavar="benign|attack", help="What it was.")
    ] = None,
    attack: Annotated[
        str | None, typer.Option("--attack", metavar="FAMILY", help="Which attack it was.")
    ] = None,
    note: Annotated[str, typer.Option(metavar="TEXT", help="Your own words.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take the verdict away.")] = False,
    as_json: AsJson = False,
) -> None:
    """Label an alert, or an incident with its first 10,000 alerts, for the next training."""
    quiet_tools(terminal=True)
    if remove == (verdict is not None):
        raise ParameterError("say `benign` or `attack`, or --remove to take the verdict away")
    from oddwire.live.state.database import store_address
    from oddwire.live.state.reading import AlertStore
    from oddwire.live.verdicts.labelling import label_alerts, unlabel_alerts
    from oddwire.live.verdicts.stored_alerts import alerts_named

    project = Project.find()
    with AlertStore(store_address(project.live)) as store:
        named = alerts_named(store, name)
    if remove:
        found = unlabel_alerts(project, named.alerts, about=named.id)
    else:
        is_attack = int(verdict is Word.ATTACK)
        found = label_alerts(
            project, named.alerts, label=is_attack, about=named.id, family=attack, note=note
        )
    left_out = max(named.count - len(named.alerts), 0)
    if as_json:
        from oddwire.cli.terminal.printing import print_json

        print_json([each.to_dict() | {"alerts_left_out": left_out} for each in found])
        return
    for each in found:
        show(each, "without a verdict again" if verdict is None else f"labelled {verdict.value}")
    if left_out and verdict is not None:
        from oddwire.cli.terminal.printing import printer

        printer().print(
            f"Those are the connections of its first {len(named.alerts):,} alerts of "
            f"{named.count:,}: more of one incident would add little",
            soft_wrap=True,
        )


def show(found: Labelled, done: str) -> None:
    """Say what was labelled, where it is kept, and what comes next."""
    from oddwire.cli.terminal.printing import printer

    one = found.connections == 1
    labelled = f"{found.connections:,} {'connection' if one else 'connections'} of {found.source}"
    labelled += f" {'is' if one else 'are'} {done}"
    if found.replaced:
        labelled += f"; {found.replaced:,} had a verdict before"
    console = printer()
    console.print(labelled, markup=False, soft_wrap=True)
    where = f"{found.table} has {found.in_table:,} in all: commit it"
    console.print(f"{where}. Next: oddwire train {found.source}", markup=False, soft_wrap=True)
