"""From hyperparameters to a fitted, calibrated and evaluated model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import cast

import numpy as np

from oddwire.detection.calibration.thresholds.by_target import Calibrated
from oddwire.detection.calibration.thresholds.chosen import THRESHOLD
from oddwire.detection.calibration.thresholds.rules import choose_threshold
from oddwire.detection.detectors import DETECTORS
from oddwire.detection.model import Model
from oddwire.detection.search_space import HyperParameters
from oddwire.errors import ModelError, ParameterError
from oddwire.evaluation import yardstick
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.operations.data.prepared import BEFORE_TEST
from oddwire.operations.progress import step
from oddwire.operations.search.records import found_items
from oddwire.operations.tracking.store import dated
from oddwire.operations.training import records
from oddwire.operations.training.evaluating import evaluate_model
from oddwire.operations.training.outages import fitted_models
from oddwire.operations.training.results import EvaluatedDetector, Searched, Training, Validation
from oddwire.operations.training.searching import validation_objective, validation_rows
from oddwire.params import DetectorName
from oddwire.traffic.labels import labels_of
from oddwire.traffic.schema import UNIT
from oddwire.traffic.unit_column import counted_by


def parse_detectors(names: str) -> tuple[DetectorName, ...]:
    """Read a comma-separated list of detectors.

    Raises
    ------
    ParameterError
        If the list is empty or names an unknown detector.
    """
    return check_detectors([name.strip() for name in names.split(",") if name.strip()])


def check_detectors(names: Sequence[str]) -> tuple[DetectorName, ...]:
    """Return each detector once.

    Raises
    ------
    ParameterError
        If there is none, or an unknown one.
    """
    known = ", ".join(DETECTORS)
    if not names:
        raise ParameterError(f"detectors: at least one of {known} is needed, got none")
    for name in names:
        if name not in DETECTORS:
            raise ParameterError(f"unknown detector {name!r}: there are {known}")
    return cast("tuple[DetectorName, ...]", tuple(dict.fromkeys(names)))


def fit_and_evaluate(training: Training, searched: Searched) -> EvaluatedDetector:
    """Fit the best hyperparameters to all training rows, calibrate, save, evaluate.

    A model that an earlier training fitted, but could not tell MLflow of, is not fitted again.
    """
    study = searched.study
    with step(f"fit and evaluate {study.detector}"):
        fitted = fitted_models.find(training, study)
        if fitted is None:
            model, seconds = fit_model(training, study.detector, study.parameters)
            fitted = fitted_models.keep(training, study, model, seconds)
        report = evaluate_model(
            training, fitted.model, fitted.folder, fit_seconds=fitted.seconds
        )  # fmt: skip
        validation = validate(training, fitted.model)
        tracking = training.tracking()
        # Its own figures first: MLflow's page compares runs by the first metric.
        tracking.log(searched.run_id, records.detector_items(report, validation))
        tracking.log(searched.run_id, found_items(study))
        tracking.rename(searched.run_id, dated(records.detector_name(report)))
    return EvaluatedDetector(searched, fitted.folder, fitted.digest, report, validation)


def fit_model(
    training: Training, detector: str, parameters: HyperParameters
) -> tuple[Model, float]:
    """Fit to the training rows, calibrate on the calibration part, set the threshold.

    Returns
    -------
    tuple
        The model, and the seconds that its fit took.
    """
    prepared, settings = training.prepared, training.params.source(training.source)
    unit = counted_by(settings.unit_columns, settings.row_kind)
    model = Model.build(
        prepared.schema, detector, parameters,
        seed=training.params.seed, metadata={"source": training.source, UNIT: list(unit)},
    )  # fmt: skip
    begun = time.perf_counter()
    model.fit(training.train)
    seconds = time.perf_counter() - begun
    alerts = training.params.alerts
    model.calibrate(
        prepared.part("calibration"),
        minutes=alerts.unit_minutes, days=prepared.days("calibration"),
    )  # fmt: skip
    set_threshold(model, training)
    return model, seconds


def set_threshold(model: Model, training: Training) -> None:
    """Let the rule of the settings decide from when on a model calibrated just now raises an alert.

    Raises
    ------
    ModelError
        If the model was calibrated elsewhere.
    ParameterError
        If the rule cannot be applied to what there is.
    """
    prepared, alarms = training.prepared, model.benign_alarms
    if alarms is None:
        raise ModelError("a threshold is set when the model is calibrated, got a saved model")

    def labelled() -> tuple[np.ndarray, np.ndarray]:
        rows = prepared.part("validation")
        return labels_of(rows), model.anomaly_score(rows)

    calibrated = Calibrated(
        model.calibrated(), alarms, prepared.days("calibration"), prepared.days(*BEFORE_TEST)
    )
    chosen = choose_threshold(
        training.params.alerts, training.target, calibrated, validation=labelled
    )
    model.alert_p_value = chosen.alert_p_value
    model.metadata[THRESHOLD] = chosen.to_dict()


def validate(training: Training, model: Model) -> Validation | None:
    """Measure a fitted detector on the validation rows by the yardstick, to choose among several.

    None where too few of them are labelled attacks.
    """
    if validation_objective(training) is None:
        return None
    rows, minutes = validation_rows(training), training.params.alerts.unit_minutes
    found = yardstick.value(ScoredRows.of(rows, model.anomaly_score(rows), minutes=minutes))
    return None if found is None else Validation(yardstick.NAME, found)
