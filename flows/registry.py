"""Move the champion of a source by hand: promote a version, or bring an earlier one back."""

from __future__ import annotations

from typing import Annotated

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field

from oddwire.operations.registry.moving import Moved, promote_by_hand, roll_back
from oddwire.project import Project


@flow(
    name="promote-version",
    flow_run_name="promote-{source}-version-{version}",
    persist_result=False,
)
def promote_version(
    version: Annotated[int, Field(ge=1)],
    because: Annotated[str, Field(min_length=1)],
    source: str = "simulated",
) -> State[Moved]:
    """Make a version the champion of a source, whatever the rules of promotion say.

    Args:
        version: Its number in the MLflow registry.
        because: The reason, for the ledger that `oddwire history` shows.
        source: A source of params.yaml with registered versions.
    """
    project, who = Project.find(), flow_run.get_name() or ""
    return _told(promote_by_hand(project, source, str(version), because=because, who=who))


@flow(name="roll-back", flow_run_name="roll-back-{source}", persist_result=False)
def roll_back_champion(
    source: str = "simulated",
    to: Annotated[int, Field(ge=0)] = 0,
    because: str = "",
) -> State[Moved]:
    """Make an earlier version the champion of a source again; doing it twice returns.

    Args:
        source: A source of params.yaml with a champion.
        to: Number of a version; 0 for the previous champion.
        because: The reason, for the ledger that `oddwire history` shows.
    """
    project, who = Project.find(), flow_run.get_name() or ""
    version = str(to) if to else ""
    return _told(roll_back(project, source, to=version, because=because, who=who))


def _told(moved: Moved) -> State[Moved]:
    """End with what was done as the state's name, and a sentence as its message."""
    get_run_logger().info(moved.sentence)
    name = moved.action[0].upper() + moved.action[1:]
    return Completed(name=name, message=moved.sentence, data=moved)
