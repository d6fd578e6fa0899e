"""``sources:``, one class per format.

A format is one class here, or in ``log_sources`` if its files are logs, which joins `Source`, and
one reader in ``oddwire.traffic.sources``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from oddwire.params.log_sources import (
    ConnectionsSource,
    NetflowSource,
    PcapSource,
    SuricataSource,
    ZeekSource,
)
from oddwire.params.source_settings import (
    ConnectionUnit,
    RowKind,
    SourceSettings,
    TableUnit,
)
from oddwire.params.values.labels import BENIGN
from oddwire.params.values.paths import FilePath
from oddwire.params.values.time_formats import TimeFormat

LabelValue = str | int | float | bool
DriftScenario = Literal["new_service", "doubled_volume", "broken_sensor", "new_subnet"]
DRIFT_SCENARIOS: tuple[str, ...] = get_args(DriftScenario)


class SimulatedSource(SourceSettings):
    """Days of a small organisation's connections, made from a seed."""

    row_kind: ClassVar[RowKind] = "connections"
    scenarios: ClassVar[tuple[str, ...]] = DRIFT_SCENARIOS

    format: Literal["simulated"]
    seed: int = Field(0, ge=0, le=2**63 - 1)
    # Times are counted in microseconds since 1970; later days follow for years.
    start: dt.date = Field(
        default_factory=lambda: dt.date(2026, 3, 2), ge=dt.date(1970, 1, 1), le=dt.date(2200, 1, 1)
    )
    days: int = Field(7, ge=1, le=366)
    connections_per_day: int = Field(6000, ge=100, le=1_000_000)
    attacks: bool = True
    drift: tuple[DriftScenario, ...] = ()
    drift_from_day: int = Field(0, ge=0, le=366)
    unit: ConnectionUnit | None = None

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

    train: FilePath
    test: FilePath | None = None

    def paths(self) -> dict[str, Path]:
        return {"train": self.train} | ({} if self.test is None else {"test": self.test})


class NslKddSource(_TrainAndTest):
    """The official files of NSL-KDD."""

    measures: ClassVar[Mapping[str, str]] = {
        "duration": "s", "src_bytes": "bytes", "dst_bytes": "bytes",
    }  # fmt: skip

    format: Literal["nsl-kdd"]


def _word_or_number(value: object) -> object:
    # YAML's no, off and null are no words, and would be taken for 0 and nothing.
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PydanticCustomError("word", "must be a word in quotes, or a number", {"got": value})
    return value


NullValue = Annotated[str | int | float, BeforeValidator(_word_or_number)]


class TableSource(_TrainAndTest):
    """Any table in CSV or Parquet, gzip too: a row per connection, a column per feature.

    Attributes
    ----------
    benign
        Values of the label column that mean benign; they take the place of the usual words.
    unknown
        Values that say that nobody judged, beside those that always do, such as `No Label`.
    time_format
        How the times are written: `s`, `ms`, `us` or `ns` since 1970, `excel`, `filetime`, or in
        the words of strptime. None for ISO 8601, or numbers since 1970 of these decades.
    null_values
        Words and numbers that mean missing in a feature, beside those that always do.
    decimal
        The decimal mark of its numbers; with the comma, dots may part thousands.
    campaign
        The column that says which attacker's work an attack was.
    unit
        The columns that name whom a row's alerts are counted with; None where there are none.
    """

    format: Literal["table"]
    label: str | None = None
    benign: Annotated[tuple[LabelValue, ...], Field(min_length=1)] = BENIGN
    unknown: tuple[LabelValue, ...] = ()
    attack: str | None = None
    time: str | None = None
    time_format: TimeFormat | None = None
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] | None = None
    null_values: tuple[NullValue, ...] = ()
    decimal: Literal[".", ","] = "."
    campaign: str | None = None
    unit: TableUnit | None = None

    @model_validator(mode="after")
    def _give_each_column_one_role(self) -> Self:
        roles = (self.label, self.attack, self.campaign, self.time)
        named = [name for name in roles if name is not None]
        if twice := {name for name in named if named.count(name) > 1}:
            raise PydanticCustomError(
                "roles", "label, attack, campaign and time must be different columns",
                {"got": min(twice)},
            )  # fmt: skip
        if wrong := [name for name in self.unit_columns if name in named]:
            raise PydanticCustomError(
                "roles", "unit must name other columns than label, attack, campaign and time",
                {"got": wrong[0]},
            )  # fmt: skip
        return self

    @model_validator(mode="after")
    def _name_what_others_need(self) -> Self:
        for key, given in {
            "attack": self.attack,
            "campaign": self.campaign,
            "unknown": ", ".join(map(str, self.unknown)),
        }.items():
            if given and self.label is None:
                raise PydanticCustomError("roles", f"{key} needs a label beside it", {"got": given})
        if self.time_format is not None and self.time is None:
            raise PydanticCustomError(
                "roles", "time_format needs a time beside it", {"got": self.time_format}
            )
        return self

    @model_validator(mode="after")
    def _give_each_value_one_meaning(self) -> Self:
        benign = {str(value).strip().casefold() for value in self.benign}
        for value in self.unknown:
            if str(value).strip().casefold() in benign:
                raise PydanticCustomError(
                    "roles", "a value cannot be both benign and unknown", {"got": value}
                )
        return self


# Every format, in the order in which a message lists them.
Source = Annotated[
    SimulatedSource
    | NslKddSource
    | TableSource
    | ZeekSource
    | SuricataSource
    | NetflowSource
    | PcapSource
    | ConnectionsSource,
    Field(discriminator="format"),
]

GROWING: tuple[str, ...] = tuple(
    get_args(kind.model_fields["format"].annotation)[0]
    for kind in get_args(get_args(Source)[0])
    if kind.grows
)
