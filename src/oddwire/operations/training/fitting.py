"""From prepared parts to a fitted, calibrated and evaluated model, as plain functions."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from oddwire.detection.calibration.threshold_rules import choose_threshold
from oddwire.detection.detectors import DETECTORS
from oddwire.detection.model import Model
from oddwire.detection.search_space import HyperParameters
from oddwire.errors import DataError, ParameterError
from oddwire.evaluation.clustering import ClusteringIndices, evaluate_clustering
from oddwire.evaluation.families import FamilyEvaluation, attack_families, evaluate_families
from oddwire.evaluation.metrics import Evaluation, evaluate
from oddwire.evaluation.uncertainty.intervals import Intervals, bootstrap_intervals
from oddwire.evaluation.uncertainty.resampling import affordable_resamples
from oddwire.params import AlertSettings
from oddwire.traffic.schema import ATTACK, LABEL, FeatureSchema

BEFORE_TEST = ("train", "calibration", "validation")
THRESHOLD = "threshold"  # in a model's metadata: the rule and what it was made of
_MEGABYTE = 1e6
_TIMED_ROWS = 5000
_CLUSTERED_ROWS = 20_000


@dataclass(frozen=True)
class Prepared:
    """The parts of a source that the ``prepare`` stage made.

    Parameters
    ----------
    folder
        Holds ``<part>.parquet`` and ``split.json``.
    """

    folder: Path

    @cached_property
    def description(self) -> Mapping[str, Any]:
        """What ``split.json`` says: schema, kind and the rows of every part."""
        file = self.folder / "split.json"
        try:
            content: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DataError(
                f"{file} is missing: run `dvc repro prepare@{self.folder.name}` first"
            ) from None
        return content

    @property
    def schema(self) -> FeatureSchema:
        """The feature columns."""
        return FeatureSchema.from_dict(self.description["schema"])

    @property
    def kind(self) -> str:
        """``connections`` or ``table``."""
        return str(self.description["kind"])

    @property
    def connections_per_day(self) -> float | None:
        """How many connections a day brings, None where the source has no time."""
        value = self.description["split"].get("connections_per_day")
        return None if value is None else float(value)

    def part(self, name: str) -> pd.DataFrame:
        """Read one part: train, calibration, validation or test."""
        return pd.read_parquet(self.folder / f"{name}.parquet")

    def before_test(self) -> pd.DataFrame:
        """Read all rows that came before the test part."""
        return pd.concat([self.part(name) for name in BEFORE_TEST], ignore_index=True)


@dataclass(frozen=True)
class FittedModel:
    """A model on disk, and what making it cost."""

    detector: str
    folder: Path
    digest: str
    fit_seconds: float
    parameters: HyperParameters


@dataclass(frozen=True)
class TestScores:
    """What a model said of the test rows.

    Parameters
    ----------
    labels
        0, 1 or NaN where unknown, shape (n,).
    scores
        Anomaly scores, shape (n,).
    attack
        Family, None where benign or unknown, shape (n,).
    p_values
        Conformal p-values, shape (n,); None where they were not kept.
    """

    __test__ = False  # pytest takes the name for tests of its own

    labels: np.ndarray
    scores: np.ndarray
    attack: np.ndarray
    p_values: np.ndarray | None = None

    def save(self, file: Path) -> None:
        """Write to a Parquet file."""
        columns = {"label": self.labels, "score": self.scores, "attack": self.attack}
        if self.p_values is not None:
            columns["p_value"] = self.p_values
        pd.DataFrame(columns).to_parquet(file)

    @classmethod
    def load(cls, file: Path) -> TestScores:
        """Read what `save` wrote."""
        frame = pd.read_parquet(file)
        p_values = frame["p_value"].to_numpy() if "p_value" in frame else None
        return cls(
            frame["label"].to_numpy(), frame["score"].to_numpy(), attacks_of(frame), p_values
        )


@dataclass(frozen=True)
class DetectorReport:
    """How good a model is.

    Parameters
    ----------
    test, before_test
        Figures on the test rows, and on all rows before them.
    families
        Figures per attack family on the test rows.
    scores_file
        Where the `TestScores` lie that pictures and promotion need.
    calibration_rows
        Benign rows that the p-values and the threshold were made of.
    before_parts
        Rows of each label in each part before the test, as ``split.json`` counts them.
    dropped
        Rows that are in no part.
    rows_per_second
        Rows scored per second, preprocessing and p-values included.
    threshold_rule
        The rule of the threshold and what it was made of, as the model keeps them.
    clustering
        How well the groups of a clustering detector are set apart; None for any other.
    """

    detector: str
    test: Evaluation
    before_test: Evaluation
    families: FamilyEvaluation
    scores_file: Path
    rows_per_second: float
    fit_seconds: float
    megabytes: float
    calibration_rows: int
    before_parts: Mapping[str, Mapping[str, int]]
    dropped: int
    threshold_rule: Mapping[str, Any] = field(default_factory=dict)
    clustering: ClusteringIndices | None = None

    @cached_property
    def intervals(self) -> Intervals:
        """How sure the figures on the test rows are."""
        rows = TestScores.load(self.scores_file)
        resamples = affordable_resamples(len(rows.scores))
        return bootstrap_intervals(rows.labels, rows.scores, self.test, resamples=resamples)


def parse_detectors(names: str) -> tuple[str, ...]:
    """Read a comma-separated list of detectors.

    Raises
    ------
    ParameterError
        If the list is empty or names an unknown detector.
    """
    chosen = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    known = ", ".join(DETECTORS)
    if not chosen:
        raise ParameterError(f"detectors: at least one of {known} is needed, got {names!r}")
    for name in chosen:
        if name not in DETECTORS:
            raise ParameterError(f"unknown detector {name!r}: there are {known}")
    return chosen


def fit_model(
    prepared: Prepared,
    detector: str,
    parameters: HyperParameters,
    *,
    seed: int,
    alerts: AlertSettings,
    into: Path,
) -> FittedModel:
    """Fit on the training part, calibrate on the calibration part, set the threshold, save.

    Parameters
    ----------
    prepared
        The parts.
    detector, parameters
        What to fit.
    seed
        Seeds the fit.
    alerts
        From what the threshold follows.
    into
        Folder for the model; it must not exist yet.
    """
    model = Model.build(
        prepared.schema,
        detector,
        parameters,
        seed=seed,
        metadata={"source": prepared.folder.name},
    )
    begun = time.perf_counter()
    model.fit(prepared.part("train"))
    seconds = time.perf_counter() - begun
    set_threshold(model.calibrate(prepared.part("calibration")), prepared, alerts)
    digest = model.save(into)
    return FittedModel(detector, into, digest, seconds, parameters)


def set_threshold(model: Model, prepared: Prepared, alerts: AlertSettings) -> None:
    """Let the rule of the settings decide from when on a calibrated model raises an alert.

    Raises
    ------
    ParameterError
        If the rule cannot be applied to what there is.
    """

    def labelled() -> tuple[np.ndarray, np.ndarray]:
        rows = prepared.part("validation")
        return labels_of(rows), model.anomaly_score(rows)

    chosen = choose_threshold(
        alerts,
        model.calibrated(),
        connections_per_day=prepared.connections_per_day,
        validation=labelled,
    )
    model.alert_p_value = chosen.alert_p_value
    model.metadata[THRESHOLD] = chosen.to_dict()


def evaluate_model(prepared: Prepared, fitted: FittedModel, *, keep: Path) -> DetectorReport:
    """Judge a model on the test rows; this is the one place that touches them.

    Parameters
    ----------
    prepared
        The parts.
    fitted
        The model.
    keep
        File for the `TestScores`.
    """
    model = Model.load(fitted.folder, digest=fitted.digest)
    test = prepared.part("test")
    said = model.score(test)
    scores = said["anomaly_score"].to_numpy()
    rows = TestScores(labels_of(test), scores, attacks_of(test), said["p_value"].to_numpy())
    rows.save(keep)
    before = prepared.before_test()
    counts = prepared.description["split"]
    limits = {"threshold": model.threshold, "alert_p_value": model.alert_p_value}
    return DetectorReport(
        detector=fitted.detector,
        test=evaluate(rows.labels, scores, **limits),
        before_test=evaluate(labels_of(before), model.anomaly_score(before), **limits),
        families=evaluate_families(
            rows.labels, scores, rows.attack, threshold=model.threshold, seen=_seen(prepared)
        ),
        scores_file=keep,
        rows_per_second=scoring_rate(model, before),
        fit_seconds=fitted.fit_seconds,
        megabytes=folder_megabytes(fitted.folder),
        calibration_rows=0 if model.calibration is None else model.calibration.scores.size,
        before_parts={part: counts[part] for part in BEFORE_TEST},
        dropped=counts["dropped"]["rows"],
        threshold_rule=model.metadata.get(THRESHOLD, {}),
        clustering=_clustering(model, prepared),
    )


def _clustering(model: Model, prepared: Prepared) -> ClusteringIndices | None:
    """Measure the groups of the training rows, which need no label."""
    if not hasattr(model.detector, "assign_clusters"):
        return None
    train = prepared.part("train")
    few = train.sample(min(len(train), _CLUSTERED_ROWS), random_state=model.seed)
    matrix = model.preprocessing.transform(few[list(model.schema.columns)])
    return evaluate_clustering(model.detector, matrix, seed=model.seed)


def _seen(prepared: Prepared) -> frozenset[str] | None:
    """Return the attack families of the validation part, None where it has no label."""
    validation = prepared.part("validation")
    labels = labels_of(validation)
    if np.isnan(labels).all():
        return None
    return attack_families(labels, attacks_of(validation))


def scoring_rate(model: Model, rows: pd.DataFrame) -> float:
    """Return rows scored per second, p-values included: the best of three runs.

    Few rows are repeated, since the fixed cost of a call says nothing about a row.
    """
    enough = np.resize(np.arange(len(rows)), _TIMED_ROWS)
    timed = rows.iloc[enough].reset_index(drop=True)
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        model.score(timed)
        seconds.append(time.perf_counter() - begun)
    return len(timed) / min(seconds)


def labels_of(rows: pd.DataFrame) -> np.ndarray:
    """Return labels as float64 of shape (n,), NaN where unknown."""
    if LABEL not in rows:
        return np.full(len(rows), np.nan)
    return rows[LABEL].to_numpy(dtype="float64", na_value=np.nan)


def attacks_of(rows: pd.DataFrame) -> np.ndarray:
    """Return attack families as objects of shape (n,), None where benign or unknown."""
    if ATTACK not in rows:
        return np.full(len(rows), None, dtype=object)
    return objects_of(rows[ATTACK])


def objects_of(column: pd.Series[Any]) -> np.ndarray:
    """Return a column as plain objects of shape (n,), None where missing."""
    objects = column.to_numpy(dtype=object, copy=True)
    objects[column.isna().to_numpy()] = None
    return objects


def folder_megabytes(folder: Path) -> float:
    """Return the size of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / _MEGABYTE
