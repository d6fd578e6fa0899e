"""Models as MLflow 3 shows them: linked with the runs that made them, with figures of their own."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from oddwire.operations.tracking.addresses import URI_VARIABLE
from oddwire.operations.tracking.store import NOTE, Tracking


def log_model(
    tracking: Tracking, run: str, name: str, packed: Path, *, hyperparameters: Mapping[str, Any]
) -> str:
    """Keep a packed model, made by a run, and return its id."""
    with _new_model(tracking, run, name, hyperparameters) as model_id:
        tracking.client.log_model_artifacts(model_id, str(packed))
    return model_id


def log_same_model(
    tracking: Tracking, run: str, name: str, of: str, *, hyperparameters: Mapping[str, Any]
) -> str:
    """Show a model that is kept already for another run that led to it, and return its id.

    MLflow's table of runs shows a model for the run alone that made it, so this is a model of its
    own, without files.
    """
    with _new_model(tracking, run, name, hyperparameters) as model_id:
        note = f"This is the model {of}, to the last bit: its files are kept there."
        tracking.client.set_logged_model_tags(model_id, {NOTE: note})
    return model_id


@contextmanager
def _new_model(
    tracking: Tracking, run: str, name: str, hyperparameters: Mapping[str, Any]
) -> Iterator[str]:
    from mlflow.entities import LoggedModelOutput

    client = tracking.client
    made = client.create_logged_model(
        client.get_run(run).info.experiment_id,
        name=name,
        source_run_id=run,
        params={key: str(value) for key, value in hyperparameters.items()},
    )
    model_id = str(made.model_id)
    try:
        yield model_id
    except BaseException:
        client.finalize_logged_model(model_id, "FAILED")
        raise
    client.finalize_logged_model(model_id, "READY")
    client.log_outputs(run, [LoggedModelOutput(model_id, 0)])


def copy_metrics(tracking: Tracking, run: str, model_id: str, names: Sequence[str]) -> None:
    """Give a model figures that a run holds; what the run does not hold is left out."""
    from mlflow.entities import Metric

    client = tracking.client
    metrics = [
        # With the time of the first record, the run's own metric does not get a second point.
        Metric(name, last.value, last.timestamp, last.step, model_id=model_id, run_id=run)
        for name in names
        for last in client.get_metric_history(run, name)[-1:]
    ]
    client.log_batch(run, metrics=metrics)


def name_version(tracking: Tracking, model_id: str, name: str, number: str) -> None:
    """Say on a model's page which version it is: a server does so by itself, a file does not."""
    versions = json.dumps([{"name": name, "version": number}])
    tracking.client.set_logged_model_tags(model_id, {"mlflow.modelVersions": versions})


def source_of(model_id: str) -> str:
    """Return the source by which a version's page links to a model."""
    return f"models:/{model_id}"


def model_id_of(source: str | None) -> str | None:
    """Return the id of the model that a version was made of, None for a version without one."""
    found = re.fullmatch(r"models:/(m-\w+)", source or "")
    return found and found[1]


@contextmanager
def known_to_all(tracking: Tracking) -> Iterator[None]:
    """Let MLflow's own look-ups find this store: its SQL registry asks that of the environment."""
    before = os.environ.get(URI_VARIABLE)
    os.environ[URI_VARIABLE] = tracking.uri
    try:
        yield
    finally:
        if before is None:
            del os.environ[URI_VARIABLE]
        else:
            os.environ[URI_VARIABLE] = before
