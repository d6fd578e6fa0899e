"""Score traffic with a source's champion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from oddwire.detection.calibration.adaptive import AdaptiveThreshold
from oddwire.detection.calibration.fdr import check_fdr, discoveries
from oddwire.detection.explaining import phrases, sentences
from oddwire.detection.model import Model
from oddwire.errors import DataError
from oddwire.operations.progress import step
from oddwire.operations.registry.versions import Registry
from oddwire.operations.scoring.replacing import check_kept, check_replaced
from oddwire.operations.scoring.rows import ScoreColumns, Scorer
from oddwire.operations.scoring.scored_files import (
    FrameWriter,
    check_targets,
    explained_file,
    join_scores,
    own_columns,
    write_refused,
    writing,
)
from oddwire.operations.scoring.unusual import UnusualAlert, identified
from oddwire.operations.tracking.store import Tracking
from oddwire.params import RowKind, Source, load_params
from oddwire.params.values.paths import file_fault, is_text, path_fault
from oddwire.project import Project
from oddwire.traffic.features.in_batches import FeaturesInBatches
from oddwire.traffic.sources import open_file
from oddwire.traffic.sources.reading.file_batches import Batch, FileBatches
from oddwire.traffic.sources.reading.time_order import in_time_order
from oddwire.traffic.wire_text import shown_path


@dataclass(frozen=True)
class ScoredFile:
    """What scoring a file came to.

    ``discoveries`` and ``adaptive_alerts`` are None where they were not asked for;
    ``counted_discoveries`` are those that need no p-value beyond the calibration rows;
    ``explained`` counts the alerts in the file ``explanations``; ``unusual`` has the most
    anomalous alerts, explained or not. Of a log, ``refused`` counts the lines that could not be
    read, which stand in the file ``refused_lines``, and ``cut`` says why it ended before its time.
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
    refused: int = 0
    refused_lines: Path | None = None
    cut: str | None = None
    unusual: tuple[UnusualAlert, ...] = ()

    @property
    def alert_rate(self) -> float | None:
        """The share of the rows that raise an alert; None of no rows."""
        return self.alerts / self.rows if self.rows else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        named = {
            "out": self.out,
            "explanations": self.explanations,
            "refused_lines": self.refused_lines,
        }
        paths = {key: str(path) for key, path in named.items() if path is not None}
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
    for what, path in {"the file to score": file, "--out": out}.items():
        if (fault := path_fault(str(path))) is not None:
            raise DataError(f"{what} {fault}")
    if not is_text(str(out)):
        raise DataError(f"--out must be text, got {shown_path(out)}")
    check_targets(file, out, explained=explain_most > 0)
    if not overwrite:
        check_replaced(out, explained=explain_most > 0)
    check_fdr(max_fdr)
    params = load_params(project.params_file)
    settings = params.source(source)
    check_kept(out, project, params, explained=explain_most > 0)
    with step("find the champion"):
        registry = Registry.of(Tracking.connect(project), project)
    if (fault := file_fault(file)) is not None:
        raise DataError(f"{shown_path(file)} {fault}")  # before a model is loaded for it
    version, model = registry.load_champion(source)
    with step(f"read {file.name}"):
        opened = open_file(settings, file, schema=model.schema, rows=params.rows_at_once)
        if adaptive:
            _need_times(opened, settings)
    asked = _Asked(max_fdr, adaptive, explain_most)
    scoring = _Scoring(opened, settings.row_kind, model, asked, out, version.number)
    more = scoring.write() | write_refused(opened.raw, out)
    scorer = scoring.scorer
    return ScoredFile(
        out, scorer.rows, scorer.alerts, model.alert_p_value, version.number, version.detector,
        scorer.missing, scorer.infinite, scorer.unseen, scorer.seconds, **more,
    )  # fmt: skip


class _Asked(NamedTuple):
    """What a scored file has beside scores; see `score_file`."""

    max_fdr: float | None
    adaptive: bool
    explain_most: int


class _Scoring:
    """One file that is scored batch by batch, and written so."""

    def __init__(
        self,
        opened: FileBatches,
        kind: RowKind,
        model: Model,
        asked: _Asked,
        out: Path,
        version: str,
    ) -> None:
        self.scorer = Scorer(model, explained=asked.explain_most)
        self._opened, self._model, self._asked, self._out = opened, model, asked, out
        self._version = version
        self._features = FeaturesInBatches(kind, model.schema)
        # The time windows of connections look at those before, a table's rows stand for themselves.
        self._in_file_order = kind == "table" or opened.in_time_order

    def write(self) -> dict[str, Any]:
        """Write the scored file, and the explanations; return what more there is to tell."""
        out, asked = self._out, self._asked
        targets = [out, explained_file(out)] if asked.explain_most else [out]
        with writing(targets) as drafts:
            with FrameWriter(drafts[0], out.name) as written:
                if self._is_known_at_once():
                    more = self._write_at_once(written)
                else:
                    more, explained = self._write_after_all(written)
            if asked.explain_most:
                with FrameWriter(drafts[1], targets[1].name) as second:
                    second.write(explained)
        return more

    def _is_known_at_once(self) -> bool:
        """Return whether a row's columns depend on no row behind it in the file."""
        if self._asked.max_fdr is not None or self._asked.explain_most:
            return False
        return self._in_file_order and (not self._asked.adaptive or self._opened.in_time_order)

    def _write_at_once(self, written: FrameWriter) -> dict[str, Any]:
        more: dict[str, Any] = {}
        threshold = self._threshold() if self._asked.adaptive else None
        with step(f"score {self._opened.raw.file.name}"):
            for batch, scores in self._scored():
                if threshold is not None:
                    found = _follow(scores, threshold)
                    more["adaptive_alerts"] = more.get("adaptive_alerts", 0) + found
                self._write_one(written, batch, scores)
        return more | {"unusual": self.scorer.unusual.told([])}

    def _scored(self) -> Iterator[tuple[Batch, pd.DataFrame]]:
        """Yield batches in the order of the file, and their scores."""
        for batch in self._opened.batches():
            features = self._features.of(batch.rows)
            named = identified(batch.rows, batch.raw)
            yield batch, self.scorer.score(features, batch.places, named)

    def _write_after_all(self, written: FrameWriter) -> tuple[dict[str, Any], pd.DataFrame]:
        asked, columns = self._asked, self._all_scores()
        more: dict[str, Any] = {}
        if asked.max_fdr is not None:
            more |= _cut_by_fdr(columns, self._model, asked.max_fdr)
        if asked.adaptive:
            more |= self._follow_all(columns)
        explained = _Explained()
        if asked.explain_most:
            explained = _explain(self._model, self.scorer.unusual.features)
            more |= {"explained": len(explained.why), "explanations": explained_file(self._out)}
        with step(f"write {self._out.name}"):
            for batch in self._opened.batches():
                scores = columns.frame(batch.places)
                if asked.explain_most:
                    told = [explained.why.get(place) for place in batch.places.tolist()]
                    scores["why"] = pd.array(told, dtype="string")
                self._write_one(written, batch, scores)
        return more | {"unusual": self.scorer.unusual.told(explained.reasons)}, explained.figures

    def _all_scores(self) -> ScoreColumns:
        columns = ScoreColumns(self._model.alert_p_value)
        with step(f"score {self._opened.raw.file.name}"):
            if self._in_file_order:
                for batch, scores in self._scored():
                    columns.add(scores, batch.places)
            else:
                for places, rows in in_time_order(self._opened):
                    features = self._features.of(rows)
                    columns.add(self.scorer.score(features, places, identified(rows)), places)
        columns.join()
        return columns

    def _follow_all(self, columns: ScoreColumns) -> dict[str, int]:
        order = self._opened.order()
        scores = pd.DataFrame({"anomaly_score": columns.of("anomaly_score")[order]})
        found = _follow(scores, self._threshold())
        for name in ("adaptive_threshold", "adaptive_alert"):
            column = np.empty_like(scores[name].to_numpy())
            column[order] = scores[name].to_numpy()
            columns.put(name, column)
        return {"adaptive_alerts": found}

    def _threshold(self) -> AdaptiveThreshold:
        return AdaptiveThreshold(self._model.calibrated(), self._model.alert_p_value)

    def _write_one(self, written: FrameWriter, batch: Batch, scores: pd.DataFrame) -> None:
        own = own_columns(batch.raw, batch.rows[list(self._opened.typed)], self._out)
        written.write(join_scores(own, scores, self._version))


@dataclass(frozen=True)
class _Explained:
    """All figures, rows named by their places; phrases per alert; and a sentence by place."""

    figures: pd.DataFrame = field(default_factory=pd.DataFrame)
    reasons: list[list[str]] = field(default_factory=list)
    why: dict[int, str] = field(default_factory=dict)


def _explain(model: Model, features: pd.DataFrame) -> _Explained:
    with step(f"explain {len(features)} alerts"):
        explained = model.explain(features)
        why = dict(zip(features.index.tolist(), sentences(explained), strict=True))
        # What is a number in one row and text in the next is text in a file.
        mixed = {name: explained[name].astype("string") for name in ("value", "benign_median")}
    return _Explained(explained.assign(**mixed), phrases(explained), why)


def _cut_by_fdr(columns: ScoreColumns, model: Model, max_fdr: float) -> dict[str, int]:
    """Add the column ``discovery``, and count."""
    p_values = columns.of("p_value")
    chosen = discoveries(p_values, max_fdr)
    smallest = 1 / (model.calibrated().scores.size + 1)
    columns.put("discovery", chosen)
    return {
        "discoveries": int(chosen.sum()),
        "counted_discoveries": int(discoveries(p_values, max_fdr, smallest=smallest).sum()),
    }


def _need_times(opened: FileBatches, settings: Source) -> None:
    if opened.times is None:
        nameable = "time" in type(settings).model_fields
        what = "name its column as `time` in params.yaml" if nameable else "this format has none"
        raise DataError(f"--adaptive needs a time in every row: {what}")
    if (opened.times == np.iinfo(np.int64).min).any():
        raise DataError("--adaptive needs a time in every row: this file has rows without one")


def _follow(scores: pd.DataFrame, threshold: AdaptiveThreshold) -> int:
    """Add the columns of a threshold that follows drift, and count; rows are in time order."""
    alerts, thresholds = threshold.update(scores["anomaly_score"].to_numpy())
    scores["adaptive_threshold"], scores["adaptive_alert"] = thresholds, alerts
    return int(alerts.sum())
