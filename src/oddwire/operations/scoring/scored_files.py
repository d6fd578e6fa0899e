"""A scored file: all columns of the file that was scored, and their scores; written whole."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

from oddwire.disk.drafts import whole_files
from oddwire.errors import DataError
from oddwire.params.values.paths import path_fault
from oddwire.traffic.frame_files import FrameFile
from oddwire.traffic.sources.reading.raw_file import RawFile
from oddwire.traffic.sources.reading.raw_table import RawTable, free_name
from oddwire.traffic.wire_text import shown_path

# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = r"\A[=+\-@\t\r\n]"
# But not a number, or Zeek's mark of an unset field.
_NO_FORMULA = r"(?i)\A(-|[+-](\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-](inf|infinity|nan))\z"
# Columns of every scored file, and those that it may have beside them.
_ALWAYS = ("anomaly_score", "p_value", "extrapolated", "alert", "unit_p_value", "model_version")
_NEWEST = "unit_p_value"
_ASKED_FOR = ("discovery", "adaptive_threshold", "adaptive_alert", "why")
_SUFFIXES = (".csv", ".csv.gz", ".parquet")


def check_targets(file: Path, out: Path, *, explained: bool) -> None:
    """Refuse a target that cannot be written, or is the file that is to be scored.

    Raises
    ------
    DataError
        Naming the target.
    """
    if not out.name.endswith(_SUFFIXES):
        raise DataError(f"--out must end with {', '.join(_SUFFIXES)}, got {out.name!r}")
    targets = (out, *([explained_file(out)] if explained else []), refused_file(out))
    for target in targets:  # the other names are longer than the one that was given
        if (fault := path_fault(str(target.absolute()))) is not None:
            raise DataError(f"--out: {shown_path(target)} {fault}")
    if not out.absolute().parent.is_dir():
        raise DataError(f"--out: there is no folder {out.absolute().parent}")
    for target in targets:
        if target.exists() and not (target.is_file() or target.is_dir()):
            raise DataError(f"--out: {target} is not an ordinary file")
        if target.exists() and file.exists() and target.samefile(file):
            raise DataError(
                f"what is written must be another file than the one scored, got {target}"
            )


def into_one_file(out: str, files: int) -> bool:
    """Return whether rows are to be written to one file, and not to a folder.

    Raises
    ------
    DataError
        If one file is named for the rows of many.
    """
    is_folder = os.path.isdir(out)  # noqa: PTH112 - of a bad path False, where pathlib raises
    if is_folder or not out.endswith(_SUFFIXES):
        return False
    if files > 1:
        raise DataError(f"--out: {files} files are scored into a folder, got {shown_path(out)}")
    return True


def explained_file(out: Path) -> Path:
    """Return where the explanations of a scored file stand: ``a.csv`` → ``a.explained.csv``."""
    suffix = next(suffix for suffix in _SUFFIXES if out.name.endswith(suffix))
    return out.with_name(f"{out.name.removesuffix(suffix)}.explained{suffix}")


def refused_file(out: Path) -> Path:
    """Return where the lines of a log stand that were refused: ``a.csv`` → ``a.refused.jsonl``."""
    suffix = next(suffix for suffix in _SUFFIXES if out.name.endswith(suffix))
    return out.with_name(f"{out.name.removesuffix(suffix)}.refused.jsonl")


def write_refused(raw: RawFile, out: Path) -> dict[str, Any]:
    """Write the refused lines of a log beside its scored file, and return what there is to tell.

    Raises
    ------
    DataError
        If they cannot be written.
    """
    if raw.refused is None:
        return {}
    written: dict[str, Any] = {"refused": raw.refused.count, "cut": raw.refused.cut}
    if raw.refused.count:
        with writing([refused_file(out)]) as (draft,):
            raw.refused.write(draft)
        written["refused_lines"] = refused_file(out)
    else:  # those of an earlier scoring are not of this one
        refused_file(out).unlink(missing_ok=True)
    return written


def own_columns(raw: RawTable, typed: pd.DataFrame, out: Path) -> pd.DataFrame:
    """Return all columns of the scored file, so that an alert leads to its host and its record.

    Parquet has types: columns that came as text, from a CSV file, have there what was read in them.

    Parameters
    ----------
    typed
        Columns as they were read, rows in the order of the file.
    """
    written = raw.frame()
    if raw.layout is not None and out.suffix == ".parquet":
        for name in set(typed) & set(written):
            written[name] = typed[name]
    return written


def join_scores(own: pd.DataFrame, scores: pd.DataFrame, version: str) -> pd.DataFrame:
    """Add the scores to the file's own columns.

    Parameters
    ----------
    own
        What `own_columns` returned, of n rows.
    scores
        Their scores, in the same order, of n rows. Columns that an earlier scoring left are
        dropped; others of the same name get a name of their own.
    """
    added = scores.assign(model_version=version)
    if set(_ALWAYS) - {_NEWEST} <= set(own):  # scored before, perhaps by an earlier release
        own = own.drop(columns=[name for name in (*_ALWAYS, *_ASKED_FOR) if name in own])
    clash = [name for name in added if name in own]
    taken = {*own, *added}
    renamed = {name: free_name(f"{name}_in_file", taken) for name in clash}
    return pd.concat([own.rename(columns=renamed), added], axis=1)


@contextmanager
def writing(targets: Sequence[Path]) -> Iterator[tuple[Path, ...]]:
    """Give a draft for each target, as `whole_files` does, its errors in one line.

    Raises
    ------
    DataError
        If one cannot be written.
    """
    try:
        with whole_files(targets) as drafts:
            yield drafts
    except OSError as error:
        named = error.filename or ", ".join(map(str, targets))
        raise DataError(f"cannot write {named}: {error.strerror or error}") from error


class FrameWriter:
    """Writes a table piece by piece to a draft, in the format that the target's name tells.

    Parameters
    ----------
    draft
        The file to write to.
    name
        What it will be called.
    """

    def __init__(self, draft: Path, name: str) -> None:
        self._open = ExitStack()
        self._frames: FrameFile | None = None
        self._text: Any = None
        if name.endswith(".parquet"):
            self._frames = self._open.enter_context(FrameFile(draft))
        elif name.endswith(".gz"):
            stream = self._open.enter_context(draft.open("wb"))
            own_name = name.removesuffix(".gz")  # that of the draft would be kept in the file
            zipped = self._open.enter_context(gzip.GzipFile(own_name, "wb", fileobj=stream))
            wrapped = io.TextIOWrapper(zipped, encoding="utf-8", newline="")
            self._text = self._open.enter_context(wrapped)
        else:
            opened = draft.open("w", encoding="utf-8", newline="")
            self._text = self._open.enter_context(opened)
        self._begun = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def write(self, frame: pd.DataFrame) -> None:
        """Write more rows, of the columns that the first ones had."""
        if self._frames is not None:
            self._frames.write(frame)
        else:
            without_formulas(frame).to_csv(self._text, index=False, header=not self._begun)
        self._begun = True


def without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """Quote names and text that a spreadsheet would run: they come from the wire."""
    safe = frame.set_axis(_quoted(_texts(frame.columns.astype(str))).to_pylist(), axis=1)
    for name in safe:
        if not (is_numeric_dtype(safe[name]) or is_datetime64_any_dtype(safe[name])):
            safe[name] = _quoted(_texts(safe[name])).to_numpy(zero_copy_only=False)
    return safe


def _quoted(texts: pa.Array) -> pa.Array:
    formula = pc.and_not(
        pc.match_substring_regex(texts, _FORMULA), pc.match_substring_regex(texts, _NO_FORMULA)
    )
    if not pc.any(formula).as_py():
        return texts
    return pc.if_else(formula, pc.binary_join_element_wise("'", texts, ""), texts)


def _texts(column: Any) -> pa.Array:
    """Return a column's cells as text of a CSV file: Parquet has lists, records and bytes too."""
    try:
        texts = pa.array(column, pa.string(), from_pandas=True)
    except (pa.ArrowException, TypeError):
        return pa.array(map(_as_text, column), pa.string())
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts


def _as_text(value: Any) -> str | None:
    match value:
        case str() | None:
            return value
        case bytes():
            return value.decode("utf-8", errors="backslashreplace")
        case list() | tuple() | dict():
            return str(value)
        case _:
            return None if pd.isna(value) else str(value)
