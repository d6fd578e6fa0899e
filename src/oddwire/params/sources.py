"""``sources:``, one class per format.

A format is one class here, which joins `Source`, and one reader in ``oddwire.traffic.sources``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from oddwire.params.base import Settings

RowKind = Literal["connections", "table"]
DriftScenario = Literal["new_service", "doubled_volume", "broken_sensor", "new_subnet"]
DRIFT_SCENARIOS: tuple[str, ...] = get_args(DriftScenario)


class SourceSettings(Settings):
    """What all formats share.

    Attributes
    ----------
    row_kind
        Whether its rows are connections, whose features are computed, or a table that brings its
        features.
    scenarios
        Changes of its traffic that its reader can simulate.
    units
        In what columns of a table are measured, where the format says so.
    """

    row_kind: ClassVar[RowKind] = "table"
    scenarios: ClassVar[tuple[str, ...]] = ()
    units: ClassVar[Mapping[str, str]] = {}

    format: str

    def files(self) -> dict[str, Path]:
        """Return the paths of its own files by the key that names them."""
        return {}

    def rows_from(self) -> str:
        """Say in words what its rows come from."""
        return ", ".join(f"{key} {file}" for key, file in self.files().items())

    @property
    def ends(self) -> dt.datetime | None:
        """When its own days end, if its reader can make the days after them; else None."""
        return None


class SimulatedSource(SourceSettings):
    """Days of a small organisation's connections, made from a seed."""

    row_kind: ClassVar[RowKind] = "connections"
    scenarios: ClassVar[tuple[str, ...]] = DRIFT_SCENARIOS

    format: Literal["simulated"]
    seed: int = Field(0, ge=0)
    start: dt.date = Field(default_factory=lambda: dt.date(2026, 3, 2))
    days: int = Field(7, ge=1, le=366)
    connections_per_day: int = Field(6000, ge=100, le=1_000_000)
    attacks: bool = True
    drift: tuple[DriftScenario, ...] = ()
    drift_from_day: int = Field(0, ge=0)

    def rows_from(self) -> str:
        """Say how many days of how many connections are simulated."""
        days = "1 day" if self.days == 1 else f"{self.days} days"
        return f"{days} of {self.connections_per_day:,} simulated connections from {self.start}"

    @property
    def ends(self) -> dt.datetime:
        """When its own days end; its reader can make the days after them."""
        midnight = dt.datetime.combine(self.start, dt.time(), tzinfo=dt.UTC)
        return midnight + dt.timedelta(days=self.days)


class _TrainAndTest(SourceSettings):
    """A train file, and a test file where there is an official one."""

    train: Path
    test: Path | None = None

    def files(self) -> dict[str, Path]:
        return {"train": self.train} | ({} if self.test is None else {"test": self.test})


class NslKddSource(_TrainAndTest):
    """The official files of NSL-KDD."""

    units: ClassVar[Mapping[str, str]] = {
        "duration": "s", "src_bytes": "bytes", "dst_bytes": "bytes",
    }  # fmt: skip

    format: Literal["nsl-kdd"]


class TableSource(_TrainAndTest):
    """Any table in CSV or Parquet, gzip too: a row per connection, a column per feature."""

    format: Literal["table"]
    label: str | None = None
    benign: tuple[str | int | float | bool, ...] = ("benign", "normal", "0")
    attack: str | None = None
    time: str | None = None
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] | None = None


# Every format, in the order in which a message lists them.
Source = Annotated[SimulatedSource | NslKddSource | TableSource, Field(discriminator="format")]
