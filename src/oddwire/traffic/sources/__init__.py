"""Sources of traffic: one reader per format, imported when a source of that format is read.

The reader of a format is the module here of its name (``nsl-kdd``: ``nsl_kdd``), or the one that
its settings name; it offers what `Reader` says. The format's settings are a class in
``oddwire.params.sources``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from oddwire.errors import ParameterError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from oddwire.params import SourceSettings
    from oddwire.traffic.archive import SourceBatches, SourceRows
    from oddwire.traffic.schema import FeatureSchema
    from oddwire.traffic.sources.reading.file_batches import FileBatches
    from oddwire.traffic.sources.reading.raw_table import RawTable


_SMALL = 32_000_000  # bytes: a second or two


@dataclass(frozen=True)
class FileRows:
    """Rows of one file, and the file's own columns.

    Parameters
    ----------
    rows
        Connections or a feature frame, in the order in which they were known, if they have times.
    raw
        The columns as they stand in the file.
    places
        For each of the rows its place in the file, counted from 0, shape (n,).
    typed
        Columns of the rows that stand under the same name in the file, and mean the same there.
    refused
        How many lines of a log could not be read.
    """

    rows: pd.DataFrame
    raw: RawTable
    places: NDArray[np.int64]
    typed: tuple[str, ...]
    refused: int = 0


class Reader(Protocol):
    """The module of a format.

    One whose settings name `scenarios` also has ``read_scenario`` and ``later_days``.
    """

    def open_source(self, source: Any, *, root: Path, rows: int | None = None) -> SourceBatches:
        """Open all rows of a source; see `open_source`."""

    def open_file(
        self,
        source: Any,
        file: Path,
        *,
        schema: FeatureSchema | None = None,
        rows: int | None = None,
    ) -> FileBatches:
        """Open one file in the source's format; see `open_file`."""


class SimulatingReader(Reader, Protocol):
    """The module of a format whose traffic can be simulated."""

    def later_days(
        self, source: Any, begin: dt.datetime, end: dt.datetime, *, reach: dt.timedelta
    ) -> pd.DataFrame:
        """Simulate a period after a source's own days; see `later_days`."""

    def read_scenario(self, source: Any, scenario: str) -> tuple[pd.DataFrame, pd.Timestamp]:
        """Simulate what follows a source's own rows; see `read_scenario`."""


def load_reader(source: SourceSettings) -> Reader:
    """Import the reader of a source's format."""
    module = source.reader or source.format.replace("-", "_")
    return cast("Reader", import_module(f"{__name__}.{module}"))


def open_source(source: SourceSettings, *, root: Path, rows: int | None = None) -> SourceBatches:
    """Open, or simulate, all rows of a source, to be read piece by piece.

    Parameters
    ----------
    root
        As for `read_source`.
    rows
        At most so many are read at once; None for all. What is read does not depend on it.

    Raises
    ------
    DataError
        As by `read_source`; a row is checked when it is read.
    """
    from oddwire.traffic.sources.reading.files import locate
    from oddwire.traffic.sources.reading.limits import refuse_oversize

    for file in source.paths().values():
        refuse_oversize(locate(file, root), max_rows=source.max_rows)
    opened = load_reader(source).open_source(source, root=root, rows=rows)
    return replace(opened, unit=_unit(source))


def read_source(source: SourceSettings, *, root: Path) -> SourceRows:
    """Read, or simulate, all rows of a source.

    Parameters
    ----------
    root
        The project's folder, from which relative paths count.

    Returns
    -------
    SourceRows, in the order in which rows were known, where they have times.

    Raises
    ------
    DataError
        If a file, column or row is not what the source promises; one sentence names it.
    """
    return open_source(source, root=root).together()


def check_small_files(source: SourceSettings, *, root: Path) -> None:
    """Read a source whose files are there and small, to say at once what its first stage would.

    Raises
    ------
    DataError
        If a file, column or row is not what the source promises.
    """
    from oddwire.traffic.sources.reading.files import files_of

    files = list(files_of(source, root=root, required=False).values())
    if files and all(file.exists() for file in files):
        regular = [file for file in files if file.is_file()]
        if sum(file.stat().st_size for file in regular) <= _SMALL:
            read_source(source, root=root)


def open_file(
    source: SourceSettings,
    file: Path,
    *,
    schema: FeatureSchema | None = None,
    rows: int | None = None,
) -> FileBatches:
    """Open one file in the format of a source, to be read batch by batch.

    Parameters
    ----------
    source, file, schema
        As for `read_file`.
    rows
        At most so many are read at once; None for all. What is read does not depend on it.

    Raises
    ------
    DataError
        If the file or a column is not what the source promises, or the file is far larger than it
        looks; a row is checked when it is read.
    """
    from oddwire.traffic.sources.reading.limits import refuse_oversize
    from oddwire.traffic.unit_column import with_unit

    if not source.logs:  # of a log, lines are counted as they are read
        refuse_oversize(file, max_rows=source.max_rows)
    opened = load_reader(source).open_file(source, file, schema=schema, rows=rows)
    to_rows, unit = opened.to_rows, _unit(source)
    return replace(opened, to_rows=lambda raw: with_unit(to_rows(raw), unit)) if unit else opened


def read_file(
    source: SourceSettings, file: Path, *, schema: FeatureSchema | None = None
) -> FileRows:
    r"""Read one file in the format of a source, for scoring or a drift check.

    Parameters
    ----------
    source
        The source whose format the file has; for a simulated one, the file is a CSV or Parquet
        table of connections.
    schema
        The features that a model needs. The rows have no columns beyond them, and a table then
        needs no label. Without it, the file must hold what the source's train file must hold.

    Returns
    -------
    FileRows of n rows, n ≥ 1.

    Raises
    ------
    DataError
        If the file, a column or a row is not what the source promises.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from oddwire.params import TableSource
    >>> source = TableSource(format="table", train=Path("train.csv"), label="verdict")
    >>> lines = ["bytes,proto,verdict", "310,tcp,benign", "90210,udp,flood"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "today.csv"
    ...     size = file.write_text("\n".join(lines))
    ...     print(read_file(source, file).rows)
       label attack    bytes proto
    0      0   None    310.0   tcp
    1      1  flood  90210.0   udp
    """
    opened = open_file(source, file, schema=schema)
    batch = next(opened.batches())
    places = batch.places if opened.in_time_order else opened.order()
    rows = batch.rows.iloc[places].reset_index(drop=True)
    refused = 0 if opened.raw.refused is None else opened.raw.refused.count
    return FileRows(rows, batch.raw, places, opened.typed, refused)


def read_scenario(
    source: SourceSettings, scenario: str, *, name: str
) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Simulate the days after a source's own, for a drift check.

    Parameters
    ----------
    source, name
        The source, and what it is called.
    scenario
        One of the scenarios of its format, or ``none`` for unchanged traffic.

    Returns
    -------
    The source's own rows followed by the new ones, in the form of its train rows, and the time
    from which on they are new. Time windows of new connections reach back into the old ones.

    Raises
    ------
    ParameterError
        If traffic of the source's format cannot be simulated.
    """
    from oddwire.traffic.unit_column import with_unit

    if not source.scenarios:
        raise ParameterError(f"scenarios need a simulated source, got {name!r} ({source.format})")
    rows, since = cast("SimulatingReader", load_reader(source)).read_scenario(source, scenario)
    return with_unit(rows, _unit(source)), since


def later_days(
    source: SourceSettings, begin: dt.datetime, end: dt.datetime, *, reach: dt.timedelta
) -> pd.DataFrame:
    """Simulate a period after a source's own days, the same rows whenever it is asked for.

    Parameters
    ----------
    source
        One whose own days end (`SourceSettings.ends`).
    begin, end
        The period, not before that end.
    reach
        How far back the rows shall begin, so that the time windows of the period's first
        connections are whole.
    """
    from oddwire.traffic.unit_column import with_unit

    reader = cast("SimulatingReader", load_reader(source))
    return with_unit(reader.later_days(source, begin, end, reach=reach), _unit(source))


def _unit(source: SourceSettings) -> tuple[str, ...]:
    """Return what names the unit of connections; a table's reader gives its rows theirs."""
    return source.unit_columns if source.row_kind == "connections" else ()
