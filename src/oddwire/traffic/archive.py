"""The rows of a source, and how they are kept between reading and computing features."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from oddwire.errors import DataError
from oddwire.params import RowKind
from oddwire.traffic.frame_files import columns_of, read_frames, write_frames
from oddwire.traffic.schema import KNOWN_AT, FeatureSchema


@dataclass(frozen=True)
class SourceRows:
    """All rows of a source.

    Parameters
    ----------
    train
        Connections, or a feature frame.
    test
        The same for the official test file; None where there is none.
    schema
        The features of a feature frame; None for connections, whose features belong to the code
        that computes them, so that rows need not be read again when it changes.
    """

    train: pd.DataFrame
    test: pd.DataFrame | None = None
    schema: FeatureSchema | None = None

    @property
    def kind(self) -> RowKind:
        """Whether the rows are connections or a table that brings its features."""
        return "connections" if self.schema is None else "table"


@dataclass(frozen=True)
class SourceBatches:
    """All rows of a source in pieces, each read when it is asked for, once.

    Parameters
    ----------
    train, test, schema
        As of `SourceRows`, in pieces of the same columns, in the order in which rows are known.
    remarks
        What the person who waits should know of how the files were understood, a sentence each.
    """

    train: Iterable[pd.DataFrame]
    test: Iterable[pd.DataFrame] | None = None
    schema: FeatureSchema | None = None
    remarks: tuple[str, ...] = ()

    def together(self) -> SourceRows:
        """Read all of them."""
        test = None if self.test is None else pd.concat(self.test, ignore_index=True)
        return SourceRows(pd.concat(self.train, ignore_index=True), test, self.schema)


@dataclass(frozen=True)
class Archive:
    """The rows that `write_rows` wrote.

    Parameters
    ----------
    folder
        Where they are.
    schema
        As of `SourceRows`.
    """

    folder: Path
    schema: FeatureSchema | None

    @property
    def kind(self) -> RowKind:
        """As of `SourceRows`."""
        return "connections" if self.schema is None else "table"

    @property
    def has_test(self) -> bool:
        """Whether the source has an official test file."""
        return self._file("test").is_file()

    def batches(
        self, part: str, *, rows: int, columns: Sequence[str] | None = None
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows of ``train`` or ``test`` in order, at most so many at a time.

        Parameters
        ----------
        columns
            Those to read, as far as they are there; None for all.
        """
        file = self._file(part)
        if columns is not None:
            there = columns_of(file)
            columns = [name for name in columns if name in there]
        return read_frames(file, rows=rows, columns=columns)

    def read(self, part: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return some columns of all rows of ``train`` or ``test``."""
        file = self._file(part)
        there = columns_of(file)
        wanted = [name for name in there if columns is None or name in columns]
        return pd.read_parquet(file, columns=wanted)

    def between(self, part: str, start: dt.datetime, end: dt.datetime) -> pd.DataFrame:
        """Return the rows of ``train`` or ``test`` that were known from a time on till another."""
        time = KNOWN_AT[self.kind]
        wanted = [(time, ">=", start), (time, "<", end)]
        return pd.read_parquet(self._file(part), filters=wanted)

    def _file(self, part: str) -> Path:
        return self.folder / f"{part}.parquet"


def write_rows(rows: SourceBatches, folder: Path) -> None:
    """Write ``train.parquet``, ``test.parquet`` if there is a test file, and ``rows.json``."""
    write_frames(rows.train, folder / "train.parquet")
    if rows.test is not None:
        write_frames(rows.test, folder / "test.parquet")
    content = {"schema": None if rows.schema is None else rows.schema.to_dict()}
    (folder / "rows.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def open_archive(folder: Path) -> Archive:
    """Open what `write_rows` wrote.

    Raises
    ------
    DataError
        If the stage ``ingest`` has not run.
    """
    file = folder / "rows.json"
    if not file.is_file():
        raise DataError(f"{file} does not exist: run the stage `ingest` first")
    schema = json.loads(file.read_text(encoding="utf-8"))["schema"]
    return Archive(folder, None if schema is None else FeatureSchema.from_dict(schema))
