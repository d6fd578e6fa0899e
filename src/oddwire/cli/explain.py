"""``oddwire explain``: an alert scored again from what is stored, and what sets it apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oddwire.cli import alert_options
from oddwire.cli.environment import quiet_tools
from oddwire.cli.options import AsJson
from oddwire.project import Project

if TYPE_CHECKING:
    from oddwire.live.state import AlertStore, StoredAlert

EPILOG = """
The score comes from the stored features and the very version of the model that raised the alert,
so it must be the same (`local_outlier_factor` alone may round the last digits otherwise for one row
than for many); where it is not, that is said.

**Examples**

`oddwire explain d13802925810`

`oddwire explain 3f2a81bc --top 10 --json`
"""


def explain(
    name: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="An alert, or an incident: its most unusual alert. The "
            "first 4 digits or more of the id do.",
        ),
    ],
    *,
    top: Annotated[int, typer.Option(metavar="N", help="Features to show.", min=1)] = 5,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Score an alert again, and say what sets it apart from benign connections."""
    quiet_tools(terminal=True)
    project = Project.find()
    with alert_options.open_store(project) as store:
        found = _alert(store, name)
    from oddwire.cli.terminal.progress_bars import shown_progress
    from oddwire.operations.progress import step

    with shown_progress(quiet=as_json):
        with step("start"):
            from oddwire.live.explaining import score_again
            from oddwire.operations.registry.versions import Registry
            from oddwire.operations.tracking.store import Tracking

            registry = Registry.of(Tracking.connect(project), project)
        with step("score it again"):
            again = score_again(found, registry, top=top)
    if as_json:
        from oddwire.cli.terminal.printing import print_json

        print_json(again.to_dict() | {"incident": found.incident or None})
        return
    from oddwire.cli.terminal.explained import print_again

    print_again(again, incident=found.incident)


def _alert(store: AlertStore, name: str) -> StoredAlert:
    """Return the alert of an id, or the most unusual one of an incident."""
    from oddwire.live.state import StoredIncident, incident_of

    found = store.either(name)
    return store.alert(incident_of(found).worst) if isinstance(found, StoredIncident) else found
