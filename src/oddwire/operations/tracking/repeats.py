"""What a request made whose answer was lost: looked for before it is sent again.

A server may have done what it was asked to when the connection broke, and MLflow knows no request
that can be repeated without making a thing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient


def made_already(
    client: MlflowClient, name: str, arguments: Sequence[Any], named: Mapping[str, Any]
) -> Any | None:
    """Return the run or version that an earlier call made, None where there is none.

    Parameters
    ----------
    name, arguments, named
        The call: its method, and what it was given.
    """
    if name == "create_run":
        return _made_run(client, arguments[0], named)
    if name == "create_model_version":
        return _made_version(client, arguments[0], named)
    if name == "log_table":  # sent again, its rows would be appended to those that are there
        return _kept(client, *arguments)
    return None


def _kept(client: MlflowClient, run: str, _frame: Any, file: str) -> bool | None:
    folder = file.rpartition("/")[0]
    there = any(kept.path == file for kept in client.list_artifacts(run, folder or None))
    return True if there else None


def _made_run(client: MlflowClient, experiment: str, named: Mapping[str, Any]) -> Any | None:
    # To the millisecond of this process' clock, with this process' tags.
    begun, tags = named.get("start_time"), named.get("tags") or {}
    if begun is None:
        return None
    found = client.search_runs([experiment], f"attributes.start_time = {begun}", max_results=100)
    for run in found:
        if run.info.run_name == named.get("run_name") and tags.items() <= run.data.tags.items():
            return run
    return None


def _made_version(client: MlflowClient, model: str, named: Mapping[str, Any]) -> Any | None:
    source = named.get("source")
    versions = client.search_model_versions(f"name = '{model}'", max_results=10_000)
    return next((each for each in versions if each.source == source), None)
