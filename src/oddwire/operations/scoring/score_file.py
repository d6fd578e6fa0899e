"""Score traffic with a source's champion."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oddwire.detection.calibration.fdr import check_fdr
from oddwire.errors import DataError
from oddwire.evaluation.observed import target_of
from oddwire.operations.progress import step
from oddwire.operations.scoring.carried import Carried, load_champion, open_registry
from oddwire.operations.scoring.file_scoring import Asked, FileScoring
from oddwire.operations.scoring.replacing import check_kept, check_replaced
from oddwire.operations.scoring.scored_files import check_targets
from oddwire.operations.scoring.unusual import UnusualAlert
from oddwire.params import Source, load_params
from oddwire.params.values.paths import file_fault, is_text, path_fault
from oddwire.project import Project
from oddwire.traffic.features.in_batches import FeaturesInBatches
from oddwire.traffic.sources import open_file
from oddwire.traffic.sources.reading.file_batches import FileBatches
from oddwire.traffic.unit_column import counted_by
from oddwire.traffic.wire_text import shown_path


@dataclass(frozen=True)
class ScoredFile:
    """What scoring a file came to.

    ``alerting_units`` have at least one alert, and ``incidents`` are the alerts of one source with
    small gaps; ``days`` lie between the first row and the last, 0 where they have no times;
    ``target`` is what the champion's threshold promises, as ``alerts.target`` is written.
    ``discoveries`` and what is named ``adaptive`` are None where they were not asked for;
    ``counted_discoveries`` are those that need no p-value beyond the calibration rows;
    ``explained`` counts the alerts in the file ``explanations``; ``unusual`` has the most
    anomalous alerts, explained or not. Of a log, ``refused`` counts the lines that could not be
    read, which stand in the file ``refused_lines``, and ``cut`` says why it ended before its time.
    """

    out: Path
    rows: int
    alerts: int
    alerting_units: int
    incidents: int
    days: float
    target: dict[str, float]
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
    adaptive_incidents: int | None = None
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
        The source whose format the file has and whose champion scores it. Where its own rows are
        there and all earlier than the file's, the file's connections look back on them.
    out
        Where to write, ``.csv``, ``.csv.gz`` or ``.parquet``; replaced as a whole or not at all.
    max_fdr
        Share of benign connections among those marked in a column ``discovery``; None for no such
        column. What it guarantees stands at `discoveries`.
    adaptive
        Whether to add the columns ``adaptive_threshold`` and ``adaptive_alert``, of a threshold
        that follows the file's drift from its first row in time on, a step a day.
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
    ModelError
        If the champion counts alerts by other columns than the source's ``unit`` names.
    NoModelError
        If the source has no champion.
    ParameterError
        If ``max_fdr`` is out of range, or the champion's threshold is none that can follow drift.
    """
    _check_paths(file, out, explained=explain_most > 0, overwrite=overwrite)
    check_fdr(max_fdr)
    params = load_params(project.params_file)
    settings = params.source(source)
    check_kept(out, project, params, explained=explain_most > 0)
    registry = open_registry(project)
    if (fault := file_fault(file)) is not None:
        raise DataError(f"{shown_path(file)} {fault}")  # before a model is loaded for it
    unit = counted_by(settings.unit_columns, settings.row_kind)
    version, model = load_champion(registry, source, unit)
    with step(f"read {file.name}"):
        opened = open_file(settings, file, schema=model.schema, rows=params.rows_at_once)
        if adaptive:
            check_times(opened, settings)
    features = FeaturesInBatches(
        settings.row_kind, model.schema, behind=[project.look_back(source)]
    )
    scoring = FileScoring(
        opened, features, Carried(model, adaptive=adaptive), model, version.number,
        asked=Asked(max_fdr, explain_most), out=out,
    )  # fmt: skip
    more = scoring.write()
    return ScoredFile(
        out=out, alert_p_value=model.alert_p_value, target=target_of(model.threshold_rule),
        version=version.number, detector=version.detector, seconds=scoring.scorer.seconds,
        **scoring.scorer.counts, **more,
    )  # fmt: skip


def _check_paths(file: Path, out: Path, *, explained: bool, overwrite: bool) -> None:
    for what, path in {"the file to score": file, "--out": out}.items():
        if (fault := path_fault(str(path))) is not None:
            raise DataError(f"{what} {fault}")
    if not is_text(str(out)):
        raise DataError(f"--out must be text, got {shown_path(out)}")
    check_targets(file, out, explained=explained)
    if not overwrite:
        check_replaced(out, explained=explained)


def check_times(opened: FileBatches, settings: Source) -> None:
    """Refuse rows without a time where a threshold is to follow drift.

    Raises
    ------
    DataError
        If a row has none.
    """
    if opened.times is None:
        nameable = "time" in type(settings).model_fields
        what = "name its column as `time` in params.yaml" if nameable else "this format has none"
        raise DataError(f"--adaptive needs a time in every row: {what}")
    if (opened.times == np.iinfo(np.int64).min).any():
        raise DataError("--adaptive needs a time in every row: this file has rows without one")
