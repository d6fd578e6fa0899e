"""What can be kept with a run, as plain values: reports yield them, a tracker keeps them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import matplotlib.figure
    import pandas as pd


@dataclass(frozen=True)
class Metrics:
    """Figures; None is left out.

    Parameters
    ----------
    at
        The time that they are of; None for now.
    """

    values: Mapping[str, float | None]
    at: dt.datetime | None = None


@dataclass(frozen=True)
class Parameters:
    """Settings that were chosen."""

    values: Mapping[str, Any]


@dataclass(frozen=True)
class Tags:
    """Facts to filter by."""

    values: Mapping[str, str]


@dataclass(frozen=True)
class Text:
    """A text file."""

    file: str
    text: str


@dataclass(frozen=True)
class Table:
    """A table, kept as JSON that the MLflow page shows as a table."""

    file: str
    frame: pd.DataFrame


@dataclass(frozen=True)
class Figure:
    """A picture, drawn when it is kept: one that cannot be drawn stops nothing."""

    file: str
    draw: Callable[[], matplotlib.figure.Figure]


@dataclass(frozen=True)
class File:
    """A file on disk, kept under the name that it has there or under another one."""

    file: str
    path: Path


@dataclass(frozen=True)
class DatasetInput:
    """Rows that went into a run, as MLflow's column of datasets shows them.

    Parameters
    ----------
    digest
        What tells one version of the rows from another.
    context
        What they were used for: ``training`` or ``test``.
    place
        Where they lie, from the project's root on.
    columns
        MLflow's name of each column's type, by the column's name.
    """

    name: str
    digest: str
    context: str
    place: str
    rows: int
    columns: Mapping[str, str]


Item = Metrics | Parameters | Tags | Text | Table | Figure | File | DatasetInput


def as_json(content: Any) -> str:
    """Return content as JSON for people: indented, keys in order."""
    return json.dumps(content, indent=2, sort_keys=True, default=str)
