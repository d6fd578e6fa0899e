"""Move the champion of a source by hand: promote a version, or bring an earlier one back."""

from __future__ import annotations

from typing import Annotated

from prefect import flow
from prefect.runtime import flow_run
from pydantic import Field

from flows.outcomes import Outcome, ended
from flows.run_names import run_name
from oddwire.operations.registry.moving import Moved, promote_by_hand, roll_back
from oddwire.project import Project


@flow(
    name="promote-version",
    flow_run_name=run_name("promote", "source", "version"),
    persist_result=False,
)
def promote_version(
    version: Annotated[int, Field(ge=1)],
    because: Annotated[str, Field(min_length=1)],
    source: str = "simulated",
) -> Moved:
    """Make a version the champion of a source, whatever the rules of promotion say.

    Args:
        version: Number of the version in the MLflow registry, from 1 on.
        because: The reason, kept in the ledger that `oddwire history` shows.
        source: The source whose champion changes.
    """
    project, who = Project.find(), flow_run.get_name() or ""
    return ended(
        lambda: promote_by_hand(project, source, str(version), because=because, who=who), _outcome
    )


@flow(name="roll-back", flow_run_name=run_name("roll back", "source"), persist_result=False)
def roll_back_champion(
    source: str = "simulated",
    to: Annotated[int, Field(ge=0)] = 0,
    because: str = "",
) -> Moved:
    """Make an earlier version the champion of a source again; doing it twice returns.

    Args:
        source: The source whose champion changes.
        to: Number of the version to bring back; 0 brings back the previous champion.
        because: The reason, kept in the ledger that `oddwire history` shows.
    """
    project, who = Project.find(), flow_run.get_name() or ""
    version = str(to) if to else ""
    return ended(lambda: roll_back(project, source, to=version, because=because, who=who), _outcome)


def _outcome(moved: Moved) -> Outcome:
    """Say what was done: the state is named for it."""
    name = moved.action[0].upper() + moved.action[1:]
    return Outcome(name=name, sentence=moved.sentence, links={})
