"""From the ``alerts`` block of ``params.yaml`` to a model's threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oddwire.detection.calibration.conformal import SMALLEST_P
from oddwire.detection.calibration.thresholds import (
    ChosenThreshold,
    by_best_f1,
    by_precision,
    by_tail,
    check_classes,
)
from oddwire.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from oddwire.detection.calibration.conformal import ConformalCalibration
    from oddwire.params import AlertSettings

LABELLED_RULES = ("best_f1", "precision")


def target_fpr_of(alerts: AlertSettings, connections_per_day: float | None) -> float | None:
    """Return the share of benign connections that may raise an alert.

    Parameters
    ----------
    alerts
        The settings.
    connections_per_day
        Connections that a day brings, above 0; None where the source has no time.

    Returns
    -------
    float or None
        None under a rule of `LABELLED_RULES`, which has no target.

    Raises
    ------
    ParameterError
        If alerts per day are asked for where the source has no time, or as many as connections.
    """
    if alerts.rule in LABELLED_RULES:
        return None
    if alerts.alerts_per_day is None:
        return alerts.target_fpr
    if connections_per_day is None:
        raise ParameterError(
            "alerts.alerts_per_day needs a source with times: give alerts.target_fpr instead, or "
            "name the `time` column of a table"
        )
    target_fpr = alerts.alerts_per_day / connections_per_day
    if not SMALLEST_P <= target_fpr < 1:
        raise ParameterError(
            f"alerts.alerts_per_day must be below the {connections_per_day:g} connections per day, "
            f"and at least {SMALLEST_P:g} of them, got {alerts.alerts_per_day:g}"
        )
    return target_fpr


def check_labels(alerts: AlertSettings, *, attacks: int, benign: int) -> None:
    """Refuse a rule that needs labels where validation has too few.

    Parameters
    ----------
    alerts
        The settings.
    attacks, benign
        Rows of validation by their label.

    Raises
    ------
    ParameterError
        If the rule needs labels, and there is no attack or no benign row.
    """
    if alerts.rule in LABELLED_RULES:
        check_classes(alerts.rule, attacks=attacks, benign=benign)


def choose_threshold(
    alerts: AlertSettings,
    calibration: ConformalCalibration,
    *,
    connections_per_day: float | None,
    validation: Callable[[], tuple[ArrayLike, ArrayLike]],
) -> ChosenThreshold:
    """Apply the rule of the settings to a calibrated model.

    Parameters
    ----------
    alerts
        The settings.
    calibration
        Of the model.
    connections_per_day
        Connections that a day brings; None where the source has no time.
    validation
        Returns labels (0, 1, or NaN where unknown) and anomaly scores of the validation rows;
        called where the rule needs labels.

    Raises
    ------
    ParameterError
        If the rule cannot be applied to what there is.
    """
    target_fpr = target_fpr_of(alerts, connections_per_day)
    if target_fpr is None:
        labels, scores = validation()
        share = alerts.attack_share
        if alerts.rule == "best_f1":
            return by_best_f1(calibration, labels, scores, attack_share=share)
        return by_precision(
            calibration, labels, scores, min_precision=alerts.min_precision, attack_share=share
        )
    if alerts.rule == "tail":
        return by_tail(calibration, target_fpr)
    inputs = {}
    if alerts.alerts_per_day is not None and connections_per_day is not None:
        inputs = {
            "alerts_per_day": alerts.alerts_per_day, "connections_per_day": connections_per_day,
        }  # fmt: skip
    return ChosenThreshold(alerts.rule, target_fpr, target_fpr, inputs)
