"""What the forms of the Prefect page offer, as `params.yaml` stands when the flows are served."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from prefect.deployments.runner import RunnerDeployment

_SOURCE = "source"


def offer_sources(deployment: RunnerDeployment, sources: Sequence[str]) -> RunnerDeployment:
    """Turn the field of the source into a drop-down of the sources that there are.

    The server refuses any other value, whoever sends it.
    """
    field = deployment._parameter_openapi_schema.properties.get(_SOURCE)  # noqa: SLF001 - Prefect takes a schema from a flow's types alone, which are fixed at its import
    if field is not None:
        field["enum"] = list(sources)
    return deployment


def summary(documented: object) -> str:
    """Return the first paragraph of a docstring: the fields' help stands at the fields."""
    return (inspect.getdoc(documented) or "").partition("\n\n")[0]
