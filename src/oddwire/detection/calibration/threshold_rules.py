"""From the ``alerts`` block of ``params.yaml`` to a model's threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oddwire.detection.calibration.conformal import target_fpr_for
from oddwire.detection.calibration.thresholds import (
    ChosenThreshold,
    by_best_f1,
    by_precision,
    by_tail,
    robust_rate,
)
from oddwire.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike

    from oddwire.detection.calibration.conformal import ConformalCalibration
    from oddwire.params import AlertSettings

LABELLED_RULES = ("best_f1", "precision")


def target_fpr_of(alerts: AlertSettings, connections_per_day: float | None) -> float:
    """Return the share of benign connections that may raise an alert, as far as settings say it.

    Parameters
    ----------
    alerts
        The settings. Under a rule that needs labels, where each detector gets a rate of its own,
        it is ``target_fpr``.
    connections_per_day
        What a day brings; None where the source has no time.

    Raises
    ------
    ParameterError
        If the budget is in alerts per day and the source has no time, or makes no sense.
    """
    if alerts.rule == "tail":
        return robust_rate(alerts.risk, alerts.benign_shift)
    if alerts.alerts_per_day is None:
        shift = 0.0 if alerts.rule in LABELLED_RULES else alerts.benign_shift
        return robust_rate(alerts.target_fpr, shift)
    if connections_per_day is None:
        raise ParameterError(
            "alerts.alerts_per_day needs a source with times: give target_fpr, or name its time column"
        )
    return robust_rate(
        target_fpr_for(alerts.alerts_per_day, connections_per_day), alerts.benign_shift
    )


def target_rate(rule: Mapping[str, Any]) -> float | None:
    """Return the share of benign connections that a rule promised would raise an alert.

    The threshold's own rate may be another one: tighter where ``benign_shift`` allows for change,
    a step of counting where the tail decided.

    Parameters
    ----------
    rule
        What `ChosenThreshold.to_dict` returned.

    Returns
    -------
    float or None
        None where the rule, one of `LABELLED_RULES`, promised none.
    """
    if "alerts_per_day" in rule:
        return target_fpr_for(float(rule["alerts_per_day"]), float(rule["connections_per_day"]))
    target = rule.get("risk", rule.get("nominal"))
    return None if target is None else float(target)


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
    if alerts.rule in LABELLED_RULES and not (attacks and benign):
        raise ParameterError(
            f"alerts.rule {alerts.rule} needs attacks and benign rows in validation, got {attacks} "
            f"attacks and {benign} benign rows: fpr, alerts_per_day and tail need no labels"
        )


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
        What a day brings; None where the source has no time.
    validation
        Returns labels (0, 1, or NaN where unknown) and anomaly scores of the validation rows;
        called where the rule needs labels.

    Raises
    ------
    ParameterError
        If the rule cannot be applied to what there is.
    """
    if alerts.rule == "best_f1":
        return by_best_f1(calibration, *validation(), attack_share=alerts.attack_share)
    if alerts.rule == "precision":
        return by_precision(
            calibration, *validation(),
            min_precision=alerts.min_precision, attack_share=alerts.attack_share,
        )  # fmt: skip
    rate = target_fpr_of(alerts, connections_per_day)
    shift = {"benign_shift": alerts.benign_shift} if alerts.benign_shift else {}
    if alerts.rule == "tail":
        chosen = by_tail(calibration, rate)
        return ChosenThreshold(
            "tail", chosen.target_fpr, {**chosen.inputs, "risk": alerts.risk, **shift}
        )
    inputs: dict[str, float] = {"nominal": alerts.target_fpr}
    if alerts.alerts_per_day is not None and connections_per_day is not None:
        inputs = {
            "alerts_per_day": alerts.alerts_per_day, "connections_per_day": connections_per_day,
        }  # fmt: skip
    return ChosenThreshold(alerts.rule, rate, {**inputs, **shift})
