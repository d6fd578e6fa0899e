"""The model: schema, preprocessing, detector and calibration, fitted, saved and loaded together."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from oddwire.detection import detectors
from oddwire.detection.benign_sample import BenignSample, sample_places
from oddwire.detection.calibration.benign_alarms import BenignAlarms
from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.detection.calibration.thresholds.chosen import THRESHOLD
from oddwire.detection.calibration.units import UnitCalibration
from oddwire.detection.explaining import Normal, explain, normal_rows
from oddwire.detection.persistence.model_folder import ModelParts, load_model, save_model
from oddwire.detection.preprocessing.encoding import TableEncoder
from oddwire.detection.preprocessing.table import TablePreprocessor
from oddwire.detection.search_space import with_prefix
from oddwire.errors import DataError, ModelError, ParameterError
from oddwire.traffic.units import MINUTES, units_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from oddwire.detection.arrays import Vector
    from oddwire.detection.search_space import HyperParameters
    from oddwire.traffic.schema import FeatureSchema

_BLOCK_CELLS = 2**22  # 32 MiB of float64: bounds the memory of scoring, whatever the rows


class Model(ModelParts):
    """What is trained, registered, and scores connections.

    Made by `build` or `load`; then `fit` on training rows and `calibrate` on benign rows that the
    fit has not seen. Its attributes are those of `ModelParts`.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from oddwire.traffic.schema import FeatureSchema
    >>> random = np.random.default_rng(0)
    >>> benign = pd.DataFrame({"bytes": random.lognormal(6, 1, 600)})
    >>> benign["proto"] = random.choice(["tcp", "udp"], 600)
    >>> schema = FeatureSchema(numeric=("bytes",), categorical=("proto",))
    >>> model = Model.build(schema, "isolation_forest", seed=0)
    >>> model = model.fit(benign[:300]).calibrate(benign[300:])
    >>> flood = pd.DataFrame({"bytes": [1e9], "proto": ["icmp"]})
    >>> bool(model.score(flood)["alert"].iloc[0])
    True
    >>> model.explain(flood, top=1)["feature"].tolist()
    ['bytes']
    """

    _normal: tuple[BenignSample, Normal] | None = None

    @classmethod
    def build(
        cls,
        schema: FeatureSchema,
        detector_name: str,
        params: HyperParameters | None = None,
        *,
        seed: int,
        alert_p_value: float = 0.01,
        metadata: dict[str, Any] | None = None,
    ) -> Self:
        """Make an unfitted model.

        Parameters
        ----------
        schema, detector_name, seed, alert_p_value, metadata
            As of `ModelParts`.
        params
            Hyperparameters; the detector's defaults hold for those not given.

        Raises
        ------
        ParameterError
            If there is no such detector or hyperparameter.
        """
        chosen = {**detectors.default_parameters(detector_name), **(params or {})}
        detector = detectors.build_detector(detector_name, random_state=seed)
        preprocessing = _preprocessing_for(detector, schema)
        _check_names(chosen, preprocessing, detector)
        preprocessing.set_params(**with_prefix("preprocessing__", chosen))
        if isinstance(preprocessing, TableEncoder):
            detector.set_params(**_columns_of(preprocessing))
        return cls(
            schema=schema,
            detector_name=detector_name,
            hyperparameters=chosen,
            seed=seed,
            alert_p_value=alert_p_value,
            metadata=dict(metadata or {}),
            preprocessing=preprocessing,
            detector=detector.set_params(**with_prefix("detector__", chosen)),
        )

    @property
    def threshold(self) -> float:
        """The smallest anomaly score that counts as an alert."""
        return self.calibrated().threshold(self.alert_p_value)

    @property
    def threshold_rule(self) -> Mapping[str, Any]:
        """The rule that set `alert_p_value` and what it found; empty where no rule did."""
        return self.metadata.get(THRESHOLD) or {}

    def calibrated(self) -> ConformalCalibration:
        """Return the calibration.

        Raises
        ------
        ModelError
            If there is none yet.
        """
        if self.calibration is None:
            raise ModelError("the model must be calibrated before it gives p-values")
        return self.calibration

    def fit(self, frame: pd.DataFrame, *, on_epoch: Callable[[int], bool] | None = None) -> Self:
        """Fit preprocessing and detector.

        Parameters
        ----------
        frame
            Training rows of shape (n_rows, ≥ the schema's columns).
        on_epoch
            Passed to a detector that trains in epochs, otherwise not used.

        Raises
        ------
        DataError
            If there is no row, or text in a numeric column.
        ModelError
            If a column of the schema is missing.
        """
        features = self._features(frame)
        if features.empty:
            raise DataError("training needs at least one row, got none")
        matrix = self.preprocessing.fit_transform(features)
        takes_epochs = "on_epoch" in inspect.signature(self.detector.fit).parameters
        self.detector.fit(matrix, **({"on_epoch": on_epoch} if takes_epochs else {}))
        # They belonged to the former fit.
        self.calibration = self.unit_calibration = self.benign_alarms = self.benign_sample = None
        return self

    def calibrate(
        self, frame: pd.DataFrame, *, minutes: float = MINUTES, days: float | None = None
    ) -> Self:
        """Learn the anomaly scores of benign rows that `fit` has not seen.

        Parameters
        ----------
        frame
            n rows in the order in which they were known.
        minutes
            How long a unit is, and from which gap on alerts of a source are two incidents.
        days
            How many days of traffic the rows stand for, where that is known.

        Raises
        ------
        DataError, ModelError
            As by `fit`, or if a score is not a finite number.
        """
        scores = self.anomaly_score(frame)
        self.calibration = ConformalCalibration.fit(scores)
        self.benign_alarms = BenignAlarms.of(scores, units_of(frame, minutes=minutes))
        self.unit_calibration = UnitCalibration.fit(self.benign_alarms, days=days)
        kept = self._features(frame.iloc[sample_places(len(frame))])
        self.benign_sample = BenignSample.fit(kept, self.schema)
        return self

    def anomaly_score(self, frame: pd.DataFrame) -> Vector:
        """Return anomaly scores: float64 of shape (n_rows,), higher = more anomalous.

        Rows are scored in blocks, so that memory does not grow with the rows beyond their own.

        Raises
        ------
        DataError
            If there is text in a numeric column.
        ModelError
            If a column of the schema is missing.
        """
        self._check_columns(frame)
        scores = np.empty(len(frame))
        for rows in self._blocks(len(frame)):
            matrix = self.preprocessing.transform(self._in_numbers(frame.iloc[rows]))
            scores[rows] = detectors.anomaly_score(self.detector, matrix)
        return scores

    def score(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return for each row its anomaly score, its p-value, and whether it is an alert.

        Returns
        -------
        DataFrame
            With the index of ``frame`` and the columns ``anomaly_score`` (float64, higher = more
            anomalous), ``p_value`` (float64, in (0, 1]), ``extrapolated`` (bool, whether the
            p-value is beyond what the calibration rows can show) and ``alert`` (bool).

        Raises
        ------
        DataError, ModelError
            As by `anomaly_score`, or if the model is not calibrated.
        """
        calibration = self.calibrated()
        scores = self.anomaly_score(frame)
        p_values, extrapolated = calibration.p_values(scores)
        columns = {
            "anomaly_score": scores,
            "p_value": p_values,
            "extrapolated": extrapolated,
            "alert": p_values <= self.alert_p_value,
        }
        return pd.DataFrame(columns, index=frame.index)

    def explain(self, frame: pd.DataFrame, top: int = 5) -> pd.DataFrame:
        """Name the features that made rows anomalous: see `oddwire.detection.explaining.explain`.

        Parameters
        ----------
        frame
            The rows in question. Each costs some hundred scores, so alerts rather than all rows.
        top
            Features for each row, at least 1.

        Raises
        ------
        DataError
            If there is text in a numeric column.
        ModelError
            If a column is missing, or the model is not calibrated.
        """
        if self.benign_sample is None:
            raise ModelError("the model must be calibrated before it explains rows")
        parts = {"preprocessing": self.preprocessing, "detector": self.detector}
        if self._normal is None or self._normal[0] is not self.benign_sample:
            self._normal = (self.benign_sample, normal_rows(self.benign_sample, **parts))
        benign, normal = self._normal
        return explain(self._features(frame), benign=benign, normal=normal, top=top, **parts)

    def save(self, folder: Path) -> str:
        """Write the model to a folder, whole or not at all, and without pickle.

        Returns
        -------
        str
            SHA-256 of the folder's manifest, for `load`.

        Raises
        ------
        ModelError
            If ``folder`` exists and is not a saved model, which alone is replaced.
        """
        return save_model(self, folder)

    @classmethod
    def load(cls, folder: Path, *, digest: str | None = None) -> Self:
        """Read a saved model; its scores are equal to the last bit.

        Parameters
        ----------
        folder
            What `save` wrote.
        digest
            What `save` returned, kept where others than the folder's writers write.

        Raises
        ------
        ModelError
            If a file is missing, extra, altered, or does not fit the others, or if the model was
            saved by another release of oddwire or scikit-learn.
        """
        return load_model(cls.build, folder, digest=digest)

    def _check_columns(self, frame: pd.DataFrame) -> None:
        missing = [name for name in self.schema.columns if name not in frame.columns]
        if missing:
            raise ModelError(
                f"the model was made for {len(self.schema.columns)} feature columns, of which "
                f"{len(missing)} are missing: {_first_few(missing)}"
            )

    def _features(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the schema's columns, the numeric ones as numbers."""
        self._check_columns(frame)
        return self._in_numbers(frame[list(self.schema.columns)])

    def _in_numbers(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a frame whose numeric columns are numbers: itself, where they are."""
        twice = frame.columns[frame.columns.duplicated()].unique().tolist()
        if twice := [name for name in twice if name in self.schema.columns]:
            raise DataError(f"column names must be unique, got twice: {_first_few(twice)}")
        text = [name for name in self.schema.numeric if not is_numeric_dtype(frame[name].dtype)]
        return frame.assign(**{name: _numbers(frame[name]) for name in text}) if text else frame

    def _blocks(self, rows: int) -> Iterator[slice]:
        step = max(1024, _BLOCK_CELLS // max(len(self.schema.columns), 1))
        return (slice(start, start + step) for start in range(0, rows, step))


def _preprocessing_for(detector: Any, schema: FeatureSchema) -> TablePreprocessor | TableEncoder:
    kind = TableEncoder if getattr(detector, "prepares_columns", False) else TablePreprocessor
    return kind(schema.numeric, schema.categorical)


def _columns_of(encoder: TableEncoder) -> dict[str, Any]:
    """Describe the matrix's columns to a detector that prepares them itself."""
    numeric, categorical = encoder.chosen
    names = [*numeric, *categorical]
    return {"feature_names": names, "categorical_features": list(range(len(numeric), len(names)))}


def _check_names(params: HyperParameters, preprocessing: Any, detector: Any) -> None:
    free = sorted(set(preprocessing.get_params()) - {"numeric", "categorical"})
    known = [f"preprocessing__{name}" for name in free]
    known += [f"detector__{name}" for name in detector.get_params() if name != "random_state"]
    unknown = sorted(set(params) - set(known))
    if unknown:
        raise ParameterError(f"unknown hyperparameter {unknown[0]!r}: there are {', '.join(known)}")


def _numbers(column: pd.Series[Any]) -> pd.Series[float]:
    """Read numbers from a column of objects or strings, as one malformed row leaves them."""
    if column.dtype.kind in "mM":
        raise DataError(f"column {column.name!r} must hold numbers, got times")
    values = column.astype(object)
    numbers = pd.to_numeric(values, errors="coerce").astype(np.float64)
    wrong = numbers.isna() & values.notna()
    if wrong.any():
        at = int(wrong.to_numpy().argmax())
        raise DataError(
            f"column {column.name!r} must hold numbers, got {values.iloc[at]!r:.60} "
            f"in row {column.index[at]}"
        )
    return numbers


def _first_few(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + more
