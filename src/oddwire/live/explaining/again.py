"""An alert scored again: the same features, the same version, so the same numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from oddwire.detection.model import Model
from oddwire.errors import DataError, NoModelError
from oddwire.live.alerts.alert import Alert
from oddwire.live.state import StoredAlert, alert_of, features_of
from oddwire.operations.registry.versions import Registry
from oddwire.traffic.schema import FeatureSchema

_MISSING = float("nan")
# `local_outlier_factor` may sum in another order for one row than for many: 6e-14 was seen.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class ScoredAgain:
    """What scoring an alert again came to.

    Parameters
    ----------
    alert
        As it was raised.
    score, p_value, unit_p_value
        Of its row now; the same, but for rounding, where nothing is wrong.
    explained
        What `Model.explain` returns of its row.
    """

    alert: Alert
    score: float
    p_value: float
    unit_p_value: float
    explained: pd.DataFrame

    @property
    def differences(self) -> dict[str, tuple[float, float]]:
        """The numbers that are others now than when it was raised: before and now, by name."""
        names = ("score", "p_value", "unit_p_value")
        pairs = {name: (getattr(self.alert, name), getattr(self, name)) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    @property
    def same(self) -> bool:
        """Whether the score is the same, but for what rounding may change."""
        return math.isclose(self.alert.score, self.score, rel_tol=_ROUNDING)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        features = self.explained.drop(columns=["row"]).to_dict("records")
        return {
            "alert": self.alert.to_dict(),
            "score": self.score,
            "p_value": self.p_value,
            "unit_p_value": self.unit_p_value,
            "same": self.same,
            "features": [{name: _plain(one[name]) for name in one} for one in features],
        }


def score_again(stored: StoredAlert, registry: Registry, *, top: int = 5) -> ScoredAgain:
    """Score an alert from what is stored of it, with the version that raised it.

    Parameters
    ----------
    top
        Features to explain it by.

    Raises
    ------
    DataError
        If its features were not stored.
    ModelError
        If the version's files are missing or were altered.
    NoModelError
        If the version is not in the registry any more.
    """
    alert, features = alert_of(stored), features_of(stored)
    if not features:
        raise DataError(f"alert {alert.id} was stored without its features: it cannot be scored")
    model = _model_of(alert, registry)
    frame = features_frame(features, model.schema)
    scored = model.score(frame).iloc[0]
    score = float(scored["anomaly_score"])
    units = model.unit_calibration
    unit_p_value = alert.unit_p_value if units is None else float(units.p_values([score])[0][0])
    explained = model.explain(frame, top=top)
    return ScoredAgain(alert, score, float(scored["p_value"]), unit_p_value, explained)


def features_frame(
    features: Mapping[str, float | str | None], schema: FeatureSchema
) -> pd.DataFrame:
    """Return the one row that was scored, as a feature frame."""
    columns: dict[str, Any] = {
        name: np.array([_number(features.get(name))], dtype=np.float64) for name in schema.numeric
    }
    for name in schema.categorical:
        columns[name] = pd.Series([features.get(name)], dtype=object)
    return pd.DataFrame(columns)


def _model_of(alert: Alert, registry: Registry) -> Model:
    made_by = alert.made_by
    try:
        version = registry.numbered(made_by.source, made_by.model_version)
    except NoModelError as error:
        raise NoModelError(
            f"alert {alert.id} cannot be scored again: {error}; `oddwire alerts {alert.id}` shows "
            "what was stored"
        ) from error
    return registry.load(version)


def _number(value: float | str | None) -> float:
    return _MISSING if value is None else float(value)


def _plain(value: Any) -> Any:
    """Return a value for JSON, which knows no missing and no infinite number."""
    if value is None or isinstance(value, str):
        return value
    number = float(value)
    if np.isnan(number):
        return None
    if not np.isfinite(number):
        return str(number)
    return int(value) if isinstance(value, int | np.integer) else number
