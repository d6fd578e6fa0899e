"""What the blocks of all formats under ``sources:`` share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from oddwire.params.base import Settings

RowKind = Literal["connections", "table"]
# The columns of the connection schema by which units may be told apart: a time or a count is none.
UnitColumn = Literal["src_ip", "dst_ip", "src_port", "dst_port", "proto", "service", "conn_state"]


def as_list(names: Any) -> Any:
    """Return a list where one name may stand for it."""
    return [names] if isinstance(names, str) else names


def _check_different(names: tuple[str, ...]) -> tuple[str, ...]:
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise PydanticCustomError("unit", "must name each column once", {"got": twice})
    return names


_Unit = (BeforeValidator(as_list), AfterValidator(_check_different), Field(min_length=1))
ConnectionUnit = Annotated[tuple[UnitColumn, ...], *_Unit]
TableUnit = Annotated[tuple[str, ...], *_Unit]


class SourceSettings(Settings):
    """What all formats share.

    Attributes
    ----------
    max_rows
        The most rows of a file of its format: one of more is refused before any is held. A file
        that is small can unpack to more than the memory.
    row_kind
        Whether its rows are connections, whose features are computed, or a table that brings its
        features.
    scenarios
        Changes of its traffic that its reader can simulate.
    measures
        In what columns of a table are measured, where the format says so.
    grows
        Whether its files can be read while they are written, so that it can be followed.
    reader
        The module of ``oddwire.traffic.sources`` that reads it; None for that of the format's name.
    """

    row_kind: ClassVar[RowKind] = "table"
    scenarios: ClassVar[tuple[str, ...]] = ()
    measures: ClassVar[Mapping[str, str]] = {}
    grows: ClassVar[bool] = False
    reader: ClassVar[str | None] = None

    format: str
    max_rows: int = Field(100_000_000, ge=1, le=100_000_000_000)

    def paths(self) -> dict[str, Path]:
        """Return the paths of the files that it names one by one, by the key that names them."""
        return {}

    @property
    def unit_columns(self) -> tuple[str, ...]:
        """The columns that its ``unit``, if its format has that key, says name a row's unit."""
        return tuple(getattr(self, "unit", None) or ())

    @property
    def logs(self) -> tuple[str, ...]:
        """Paths and glob patterns of its log files, if it is a source of logs."""
        return ()

    def rows_from(self) -> str:
        """Say in words what its rows come from."""
        return ", ".join(f"{key} {file}" for key, file in self.paths().items())

    @property
    def ends(self) -> dt.datetime | None:
        """When its own days end, if its reader can make the days after them; else None."""
        return None
