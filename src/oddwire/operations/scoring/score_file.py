"""Score traffic with a source's champion."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.detection.calibration.adaptive import AdaptiveThreshold
from oddwire.detection.calibration.fdr import check_fdr, discoveries
from oddwire.detection.explaining import phrases, sentences
from oddwire.detection.model import Model
from oddwire.errors import DataError
from oddwire.operations.data.reading import read_features
from oddwire.operations.progress import step
from oddwire.operations.registry.versions import Registry
from oddwire.operations.scoring.replacing import check_replaced
from oddwire.operations.scoring.rows import score_rows
from oddwire.operations.scoring.scored_files import (
    check_targets,
    explained_file,
    join_scores,
    own_columns,
    write_files,
)
from oddwire.operations.scoring.unusual import UnusualAlert, by_anomaly, unusual_alerts
from oddwire.operations.tracking.store import Tracking
from oddwire.params import Source, load_params
from oddwire.project import Project
from oddwire.traffic.schema import TIME


@dataclass(frozen=True)
class ScoredFile:
    """What scoring a file came to.

    ``discoveries`` and ``adaptive_alerts`` are None where they were not asked for;
    ``counted_discoveries`` are those that need no p-value beyond the calibration rows;
    ``explained`` counts the alerts in the file ``explanations``; ``unusual`` has the most
    anomalous alerts, explained or not.
    """

    out: Path
    rows: int
    alerts: int
    alert_p_value: float
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
    unusual: tuple[UnusualAlert, ...] = ()

    @property
    def alert_rate(self) -> float | None:
        """The share of the rows that raise an alert; None of no rows."""
        return self.alerts / self.rows if self.rows else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        paths = {"out": str(self.out)}
        if self.explanations is not None:
            paths["explanations"] = str(self.explanations)
        return asdict(self) | {"alert_rate": self.alert_rate} | paths


def score_file(
    project: Project,
    source: str,
    file: Path,
    out: Path,
    *,
    max_fdr: float | None = None,
    adaptive: bool = False,
    explain_most: int = 0,
    overwrite: bool = False,
) -> ScoredFile:
    """Score every row of a file, and write rows and scores.

    Parameters
    ----------
    source
        The source whose format the file has and whose champion scores it.
    out
        Where to write, ``.csv``, ``.csv.gz`` or ``.parquet``; replaced as a whole or not at all.
    max_fdr
        Share of benign connections among those marked in a column ``discovery``; None for no such
        column. What it guarantees stands at `discoveries`.
    adaptive
        Whether to add the columns ``adaptive_threshold`` and ``adaptive_alert``, of a threshold
        that follows the file's drift from its first row in time on.
    explain_most
        Explain at most so many alerts, the most anomalous first: a sentence in the column ``why``,
        and all figures in a second file, ``NAME.explained`` with the same ending.
    overwrite
        Whether to write over a file that is not a scored one.

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
    check_targets(file, out, explained=explain_most > 0)
    if not overwrite:
        check_replaced(out, explained=explain_most > 0)
    check_fdr(max_fdr)
    settings = load_params(project.params_file).source(source)
    with step("find the champion"):
        registry = Registry.of(Tracking.connect(project), project)
    if not file.exists():
        raise DataError(f"{file} does not exist")  # before a model is loaded for it
    version, model = registry.load_champion(source)
    read, features = read_features(settings, file, model.schema)
    if adaptive:
        _need_times(read.rows, settings)
    begun = time.perf_counter()
    with step(f"score {len(features)} rows"):
        scored = score_rows(model, features)
        scores = scored.scores
        cut = _cut_by_fdr(scores, model, max_fdr) if max_fdr is not None else {}
        followed = _follow(scores, model) if adaptive else {}
    seconds, issues = time.perf_counter() - begun, scored.issues
    more: dict[str, Any] = {**cut, **followed}
    files: dict[Path, pd.DataFrame] = {}
    alerts = by_anomaly(scores, read.places)
    reasons: list[list[str]] = []
    if explain_most:
        chosen = alerts[:explain_most]
        explained, reasons = _explain(scores, features, read.places, model, chosen)
        files[explained_file(out)] = explained
        more |= {"explained": explained["row"].nunique(), "explanations": explained_file(out)}
    more["unusual"] = unusual_alerts(scores, read, alerts, reasons)
    # All of this was done in the order of time; the file is written in its own.
    typed, scores = (
        frame.iloc[np.argsort(read.places)].reset_index(drop=True)
        for frame in (read.rows[list(read.typed)], scores)
    )
    own = own_columns(read.raw, typed, out)
    with step(f"write {out.name}"):
        write_files(files | {out: join_scores(own, scores, version.number)})
    return ScoredFile(
        out, len(scores), scored.alerts, model.alert_p_value, version.number,
        version.detector, sum(issues.missing.values()), sum(issues.infinite.values()),
        sum(issues.unseen.values()), seconds, **more,
    )  # fmt: skip


def _explain(
    scores: pd.DataFrame,
    features: pd.DataFrame,
    places: NDArray[np.int64],
    model: Model,
    chosen: NDArray[np.int64],
) -> tuple[pd.DataFrame, list[list[str]]]:
    """Add the column ``why``; return all figures, rows named by their places, and the phrases."""
    with step(f"explain {len(chosen)} alerts"):
        explained = model.explain(features.iloc[chosen].set_axis(places[chosen]))
        why = np.full(len(scores), None, dtype=object)
        why[chosen] = sentences(explained)
        scores["why"] = pd.array(why, dtype="string")
        # What is a number in one row and text in the next is text in a file.
        mixed = {name: explained[name].astype("string") for name in ("value", "benign_median")}
    return explained.assign(**mixed), phrases(explained)


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


def _need_times(rows: pd.DataFrame, settings: Source) -> None:
    if TIME not in rows:
        nameable = "time" in type(settings).model_fields
        what = "name its column as `time` in params.yaml" if nameable else "this format has none"
        raise DataError(f"--adaptive needs a time in every row: {what}")
    if rows[TIME].isna().any():
        raise DataError("--adaptive needs a time in every row: this file has rows without one")


def _follow(scores: pd.DataFrame, model: Model) -> dict[str, int]:
    """Add the columns of a threshold that follows drift, and count; rows are in time order."""
    threshold = AdaptiveThreshold(model.calibrated(), model.alert_p_value)
    alerts, thresholds = threshold.update(scores["anomaly_score"].to_numpy())
    scores["adaptive_threshold"], scores["adaptive_alert"] = thresholds, alerts
    return {"adaptive_alerts": int(alerts.sum())}
