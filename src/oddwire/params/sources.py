"""``sources:``, one class a format."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from oddwire.params.base import Settings

Kind = Literal["connections", "table"]
DriftScenario = Literal["new_service", "doubled_volume", "broken_sensor", "new_subnet"]
DRIFT_SCENARIOS: tuple[str, ...] = get_args(DriftScenario)


class SourceSettings(Settings):
    """What all sources share.

    ``kind`` says whether its rows are connections, whose features are computed, or a table that
    brings its features.
    """

    kind: ClassVar[Kind] = "table"


class SimulatedSource(SourceSettings):
    """Days of a small organisation's connections, made from a seed."""

    kind: ClassVar[Kind] = "connections"

    format: Literal["simulated"]
    seed: int = Field(0, ge=0)
    start: dt.date = Field(default_factory=lambda: dt.date(2026, 3, 2))
    days: int = Field(7, ge=1, le=366)
    connections_per_day: int = Field(6000, ge=100, le=1_000_000)
    attacks: bool = True
    drift: tuple[DriftScenario, ...] = ()
    drift_from_day: int = Field(0, ge=0)


class NslKddSource(SourceSettings):
    """The official files of NSL-KDD."""

    format: Literal["nsl-kdd"]
    train: Path
    test: Path | None = None


class TableSource(SourceSettings):
    """Any table in CSV or Parquet, gzip too: a row per connection, a column per feature."""

    format: Literal["table"]
    train: Path
    test: Path | None = None
    label: str | None = None
    benign: tuple[str | int | float | bool, ...] = ("benign", "normal", "0")
    attack: str | None = None
    time: str | None = None
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] | None = None


Source = Annotated[SimulatedSource | NslKddSource | TableSource, Field(discriminator="format")]
