"""From the ``alerts`` block of ``params.yaml`` to a model's threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oddwire.detection.calibration.thresholds.by_labels import (
    by_best_f1,
    by_precision,
    check_classes,
)
from oddwire.detection.calibration.thresholds.by_target import by_tail, by_target
from oddwire.detection.calibration.thresholds.targets import LABELLED_RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from oddwire.detection.calibration.thresholds.by_target import Calibrated
    from oddwire.detection.calibration.thresholds.chosen import ChosenThreshold
    from oddwire.detection.calibration.thresholds.targets import Target
    from oddwire.params import AlertSettings


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
    target: Target | None,
    calibrated: Calibrated,
    *,
    validation: Callable[[], tuple[ArrayLike, ArrayLike]],
) -> ChosenThreshold:
    """Apply the rule of the settings to a calibrated model.

    Parameters
    ----------
    alerts
        The settings.
    target
        What `targets.target_of` made of them.
    calibrated
        What the calibration rows showed.
    validation
        Returns labels (0, 1, or NaN where unknown) and anomaly scores of the validation rows;
        called where the rule needs labels.

    Raises
    ------
    ParameterError
        If the rule cannot be applied to what there is.
    """
    if target is not None:
        return (by_tail if alerts.rule == "tail" else by_target)(calibrated, target)
    labels, scores = validation()
    share = alerts.attack_share
    if alerts.rule == "best_f1":
        return by_best_f1(calibrated.rows, labels, scores, attack_share=share)
    return by_precision(
        calibrated.rows, labels, scores, min_precision=alerts.min_precision, attack_share=share
    )
