"""How items are kept with a run in MLflow."""

from __future__ import annotations

import datetime as dt
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from oddwire.evaluation.plots.canvas import png_of
from oddwire.operations.progress import progress
from oddwire.operations.tracking.items import (
    DatasetInput,
    Figure,
    File,
    Item,
    Metrics,
    Parameters,
    Table,
    Tags,
    Text,
)
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    import matplotlib.figure
    from mlflow import MlflowClient

_LONGEST_PARAMETER = 6000
_PARAMETERS_PER_BATCH = 100
_LONGEST_DIGEST = 36  # MLflow's limit


def keep_items(client: MlflowClient, run: str, items: Iterable[Item]) -> None:
    """Keep items with a run."""
    for item in items:
        _keep_one(client, run, item)


def _keep_one(client: MlflowClient, run: str, item: Item) -> None:
    match item:
        case Metrics(values, at):
            _keep_metrics(client, run, values, at)
        case Parameters(values):
            _keep_parameters(client, run, values)
        case Tags(values):
            for key, value in values.items():
                client.set_tag(run, key, "\n".join(map(printable, value.split("\n"))))
        case Text(file, text):
            client.log_text(run, text, file)
        case Table(file, frame):
            client.log_table(run, frame, file)
        case Figure(file, draw):
            _keep_picture(client, run, file, draw)
        case File(file, path):
            _keep_file(client, run, file, path)
        case DatasetInput():
            _keep_input(client, run, item)


def _keep_picture(
    client: MlflowClient, run: str, file: str, draw: Callable[[], matplotlib.figure.Figure]
) -> None:
    content, failure = png_of(draw)
    if failure is not None:
        progress().remark(f"the picture {file} {failure}")
    folder, _, name = file.rpartition("/")
    with TemporaryDirectory() as temporary:
        picture = Path(temporary) / name
        picture.write_bytes(content)
        client.log_artifact(run, str(picture), folder or None)


def _keep_file(client: MlflowClient, run: str, file: str, path: Path) -> None:
    # MLflow keeps a file under its own name: a link to it may have another one.
    folder, _, name = file.rpartition("/")
    with TemporaryDirectory() as temporary:
        link = Path(temporary) / name
        link.symlink_to(path.absolute())
        client.log_artifact(run, str(link), folder or None)


def _keep_metrics(
    client: MlflowClient, run: str, values: Mapping[str, float | None], at: dt.datetime | None
) -> None:
    from mlflow.entities import Metric

    now = int((time.time() if at is None else at.timestamp()) * 1000)
    known = {k: float(v) for k, v in values.items() if v is not None and math.isfinite(v)}
    client.log_batch(run, metrics=[Metric(name, value, now, 0) for name, value in known.items()])


def _keep_parameters(client: MlflowClient, run: str, values: Mapping[str, Any]) -> None:
    from mlflow.entities import Param

    every = [Param(k, printable(str(v), _LONGEST_PARAMETER)) for k, v in values.items()]
    for first in range(0, len(every), _PARAMETERS_PER_BATCH):
        client.log_batch(run, params=every[first : first + _PARAMETERS_PER_BATCH])


def _keep_input(client: MlflowClient, run: str, item: DatasetInput) -> None:
    from mlflow import entities

    columns = [{"name": name, "type": kind} for name, kind in item.columns.items()]
    dataset = entities.Dataset(
        name=item.name,
        digest=item.digest[:_LONGEST_DIGEST],
        source_type="local",
        source=json.dumps({"uri": item.place}),
        schema=json.dumps({"mlflow_colspec": columns}),
        profile=json.dumps({"num_rows": item.rows, "num_elements": item.rows * len(columns)}),
    )
    tags = [entities.InputTag("mlflow.data.context", item.context)]
    client.log_inputs(run, [entities.DatasetInput(dataset, tags)])
