"""Score traffic with a source's champion."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from oddwire.detection.model import Model
from oddwire.detection.preprocessing import count_oddities
from oddwire.errors import DataError
from oddwire.operations.progress import step
from oddwire.operations.registry import Registry, Version
from oddwire.operations.tracking import Tracking
from oddwire.params import load_params
from oddwire.project import Project
from oddwire.traffic.sources import read_rows, to_features

# A spreadsheet takes a cell that begins so for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_NO_FORMULA = r"-[\d.]*"  # a number, or Zeek's mark of an unset field
_SUFFIXES = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True)
class ScoredFile:
    """What scoring a file came to."""

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


def score_file(project: Project, source: str, file: Path, out: Path) -> ScoredFile:
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

    Raises
    ------
    DataError
        If the file is not what the source promises, or ``out`` cannot be written.
    NoModelError
        If the source has no champion.
    """
    _check_out(out)
    load_params(project.params_file).source(source)
    registry = Registry.of(Tracking.connect(project), project)
    version = registry.champion(source)
    model = registry.load(version)
    rows, features = read_features(project, source, file, model)
    begun = time.perf_counter()
    with step(f"score {len(features)} rows"):
        scores = model.score(features)
        odd = count_oddities(model.preprocessing, features)
    seconds = time.perf_counter() - begun
    with step(f"write {out.name}"):
        _write(_join(rows, scores, version), out)
    return ScoredFile(
        out, len(rows), int(scores["alert"].sum()), model.max_fpr, version.number,
        version.detector, sum(odd.missing.values()), sum(odd.infinite.values()),
        sum(odd.unseen.values()), seconds,
    )  # fmt: skip


def read_features(
    project: Project, source: str, file: Path, model: Model
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read one file of a source's format, and return its rows and their features."""
    block = load_params(project.params_file).source(source)
    with step(f"read {file.name}"):
        rows = read_rows(block, file, schema=model.schema)
        return rows, to_features(block.kind, rows, model.schema)


def _join(rows: pd.DataFrame, scores: pd.DataFrame, version: Version) -> pd.DataFrame:
    clash = [name for name in scores.columns if name in rows]
    kept = rows.drop(columns=clash)
    return pd.concat([kept, scores], axis=1).assign(model_version=version.number)


def _check_out(out: Path) -> None:
    if not out.name.endswith(_SUFFIXES):
        raise DataError(f"--out must end with {', '.join(_SUFFIXES)}, got {out.name!r}")
    if not out.absolute().parent.is_dir():
        raise DataError(f"--out: there is no folder {out.absolute().parent}")


def _write(frame: pd.DataFrame, out: Path) -> None:
    """Write beside the target first, so that nothing half-written ever stands there."""
    draft = out.with_name(f".{out.name}.part")
    try:
        if out.name.endswith(".parquet"):
            frame.to_parquet(draft, index=False)
        else:
            zipped = out.name.endswith(".gz")
            _without_formulas(frame).to_csv(
                draft, index=False, compression="gzip" if zipped else None
            )
        draft.replace(out)
    except OSError as error:
        raise DataError(f"cannot write {out}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """Quote names and text that a spreadsheet would run: they come from the wire."""
    safe = frame.set_axis(_quoted(pd.Series(frame.columns.astype(str))), axis=1)
    for name in safe.select_dtypes(["object", "string", "category"]):
        safe[name] = _quoted(safe[name].astype("string"))
    return safe


def _quoted(text: pd.Series[str]) -> pd.Series[str]:
    formula = text.str.startswith(_FORMULA_STARTS) & ~text.str.fullmatch(_NO_FORMULA)
    return text.mask(formula.fillna(value=False).astype(bool), "'" + text)
