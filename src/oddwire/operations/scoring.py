"""Score traffic with a source's champion."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

from oddwire.detection.adaptive import AdaptiveThreshold
from oddwire.detection.discoveries import check_fdr, discoveries
from oddwire.detection.explaining import sentences
from oddwire.detection.model import Model
from oddwire.detection.oddities import count_oddities
from oddwire.errors import DataError
from oddwire.operations.progress import step
from oddwire.operations.registry import Registry, Version
from oddwire.operations.tracking import Tracking
from oddwire.params import load_params
from oddwire.project import Project
from oddwire.traffic.schema import TIME
from oddwire.traffic.sources import FileRows, read_file, to_features
from oddwire.traffic.sources.reading import free_name

if TYPE_CHECKING:
    from oddwire.traffic.sources.reading import RawTable

# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = r"\A[=+\-@\t\r\n]"
# But not a number, or Zeek's mark of an unset field.
_NO_FORMULA = r"(?i)\A(-|[+-](\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-](inf|infinity|nan))\z"
# Columns of every scored file, and those that it may have beside them.
_ALWAYS = ("anomaly_score", "p_value", "extrapolated", "alert", "model_version")
_ASKED_FOR = ("discovery", "adaptive_threshold", "adaptive_alert", "why")
_SUFFIXES = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True)
class ScoredFile:
    """What scoring a file came to.

    ``discoveries`` and ``adaptive_alerts`` are None where they were not asked for;
    ``counted_discoveries`` are those that need no p-value beyond the calibration rows;
    ``explained`` counts the alerts in the file ``explanations``.
    """

    out: Path
    rows: int
    alerts: int
    max_fpr: float
    version: str
    detector: str
    missing: int
    infinite: int
    unseen: int
    seconds: float
    discoveries: int | None = None
    counted_discoveries: int | None = None
    adaptive_alerts: int | None = None
    explained: int = 0
    explanations: Path | None = None


def score_file(
    project: Project,
    source: str,
    file: Path,
    out: Path,
    *,
    max_fdr: float | None = None,
    adaptive: bool = False,
    explain_most: int = 0,
) -> ScoredFile:
    """Score every row of a file, and write rows and scores.

    Parameters
    ----------
    project
        The project.
    source
        The source whose format the file has and whose champion scores it.
    file
        Rows to score.
    out
        Where to write, ``.csv``, ``.csv.gz`` or ``.parquet``; replaced as a whole or not at all.
    max_fdr
        Share of benign connections among those marked in a column ``discovery``; None for no such
        column. What it guarantees stands at `discoveries`.
    adaptive
        Whether to add the columns ``adaptive_threshold`` and ``adaptive_alert``, of a threshold
        that follows the file's drift from its first row in time on.
    explain_most
        Explain at most so many alerts, the most unusual ones: a sentence in the column ``why``,
        and all figures in a second file, ``NAME.explained`` with the same ending.

    Raises
    ------
    DataError
        If the file is not what the source promises, is to be followed and its rows have no times,
        or ``out`` cannot be written.
    NoModelError
        If the source has no champion.
    ParameterError
        If ``max_fdr`` is out of range, or the champion's rate is no adaptive one.
    """
    _check_out(out, file)
    if explain_most:
        _check_other(explained_file(out), file)
    check_fdr(max_fdr)
    load_params(project.params_file).source(source)
    with step(f"load the champion of {source}"):
        registry = Registry.of(Tracking.connect(project), project)
        version = registry.champion(source)
        model = registry.load(version)
    read, features = read_features(project, source, file, model)
    # Features need the order of time; from here on, rows are in the order of the file.
    back = np.argsort(read.places)
    rows, features = (part.iloc[back].reset_index(drop=True) for part in (read.rows, features))
    if adaptive:
        _need_times(rows)
    begun = time.perf_counter()
    with step(f"score {len(features)} rows"):
        scores = model.score(features)
        cut = _cut_by_fdr(scores, model, max_fdr) if max_fdr is not None else {}
        followed = _follow(scores, rows, model) if adaptive else {}
        odd = count_oddities(model.preprocessing, features)
    seconds = time.perf_counter() - begun
    more: dict[str, Any] = {**cut, **followed}
    files: dict[Path, pd.DataFrame] = {}
    if explain_most:
        explained = _explain(scores, features, model, explain_most)
        files[explained_file(out)] = explained
        more |= {"explained": explained["row"].nunique(), "explanations": explained_file(out)}
    own = _own_columns(read.raw, rows[list(read.typed)], out)
    with step(f"write {out.name}"):
        _write(files | {out: _join(own, scores, version)})
    return ScoredFile(
        out, len(rows), int(scores["alert"].sum()), model.max_fpr, version.number,
        version.detector, sum(odd.missing.values()), sum(odd.infinite.values()),
        sum(odd.unseen.values()), seconds, **more,
    )  # fmt: skip


def _explain(scores: pd.DataFrame, features: pd.DataFrame, model: Model, most: int) -> pd.DataFrame:
    """Add the column ``why``, and return all figures."""
    alerts = np.flatnonzero(scores["alert"])
    worst_first = np.argsort(-scores["anomaly_score"].to_numpy()[alerts], kind="stable")
    chosen = alerts[worst_first[:most]]
    with step(f"explain {len(chosen)} alerts"):
        explained = model.explain(features.iloc[chosen].set_axis(chosen))
        why = np.full(len(scores), None, dtype=object)
        why[chosen] = sentences(explained)
        scores["why"] = pd.array(why, dtype="string")
        # What is a number in one row and text in the next is text in a file.
        mixed = {name: explained[name].astype("string") for name in ("value", "benign_median")}
    return explained.assign(**mixed)


def explained_file(out: Path) -> Path:
    """Return where the explanations of a scored file stand: ``a.csv`` → ``a.explained.csv``."""
    suffix = next(suffix for suffix in _SUFFIXES if out.name.endswith(suffix))
    return out.with_name(f"{out.name.removesuffix(suffix)}.explained{suffix}")


def _cut_by_fdr(scores: pd.DataFrame, model: Model, max_fdr: float) -> dict[str, int]:
    """Add the column ``discovery``, and count."""
    p_values = scores["p_value"].to_numpy()
    chosen = discoveries(p_values, max_fdr)
    smallest = 1 / (model.calibrated().scores.size + 1)
    scores["discovery"] = chosen
    return {
        "discoveries": int(chosen.sum()),
        "counted_discoveries": int(discoveries(p_values, max_fdr, smallest=smallest).sum()),
    }


def _need_times(rows: pd.DataFrame) -> None:
    if TIME not in rows:
        raise DataError("--adaptive needs a time in every row: name the time column in the source")
    if rows[TIME].isna().any():
        raise DataError("--adaptive needs a time in every row: this file has rows without one")


def _follow(scores: pd.DataFrame, rows: pd.DataFrame, model: Model) -> dict[str, int]:
    """Add the columns of a threshold that follows drift, and count."""
    order = rows[TIME].reset_index(drop=True).sort_values(kind="stable").index
    threshold = AdaptiveThreshold.start(model.calibrated(), model.max_fpr)
    alerts, thresholds = threshold.update(scores["anomaly_score"].to_numpy()[order])
    followed = pd.DataFrame({"adaptive_threshold": thresholds, "adaptive_alert": alerts}, order)
    for name, column in followed.sort_index().items():
        scores[name] = column.to_numpy()
    return {"adaptive_alerts": int(alerts.sum())}


def read_features(
    project: Project, source: str, file: Path, model: Model
) -> tuple[FileRows, pd.DataFrame]:
    """Read one file of a source's format, and return its rows and their features."""
    block = load_params(project.params_file).source(source)
    with step(f"read {file.name}"):
        read = read_file(block, file, schema=model.schema)
        return read, to_features(block.kind, read.rows, model.schema)


def _own_columns(raw: RawTable, typed: pd.DataFrame, out: Path) -> pd.DataFrame:
    """Return all columns of the scored file, so that an alert leads to its host and its record.

    Parquet has types: columns that came as text, from a CSV file, have there what was read in them.
    """
    written = raw.frame()
    if raw.layout is not None and out.suffix == ".parquet":
        for name in set(typed) & set(written):
            written[name] = typed[name]
    return written


def _join(own: pd.DataFrame, scores: pd.DataFrame, version: Version) -> pd.DataFrame:
    said = scores.assign(model_version=version.number)
    if set(_ALWAYS) <= set(own):  # scored before
        own = own.drop(columns=[name for name in (*_ALWAYS, *_ASKED_FOR) if name in own])
    clash = [name for name in said if name in own]
    taken = {*own, *said}
    renamed = {name: free_name(f"{name}_in_file", taken) for name in clash}
    return pd.concat([own.rename(columns=renamed), said], axis=1)


def _check_out(out: Path, file: Path) -> None:
    if not out.name.endswith(_SUFFIXES):
        raise DataError(f"--out must end with {', '.join(_SUFFIXES)}, got {out.name!r}")
    if not out.absolute().parent.is_dir():
        raise DataError(f"--out: there is no folder {out.absolute().parent}")
    _check_other(out, file)


def _check_other(out: Path, file: Path) -> None:
    if out.exists() and file.exists() and out.samefile(file):
        raise DataError(f"what is written must be another file than the one scored, got {out}")


def _write(files: Mapping[Path, pd.DataFrame]) -> None:
    """Write beside the targets first, so that nothing half-written ever stands there."""
    drafts = {out: out.with_name(f".{out.name}.part") for out in files}
    try:
        for out, frame in files.items():
            if out.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            _write_one(frame, drafts[out])
        for out, draft in drafts.items():
            draft.replace(out)
    except OSError as error:
        raise DataError(f"cannot write {out}: {error.strerror}") from error
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _write_one(frame: pd.DataFrame, draft: Path) -> None:
    name = draft.name.removesuffix(".part")
    if name.endswith(".parquet"):
        frame.to_parquet(draft, index=False)
    else:
        zipped = name.endswith(".gz")
        _without_formulas(frame).to_csv(draft, index=False, compression="gzip" if zipped else None)


def _without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
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
