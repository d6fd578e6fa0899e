"""A model as a folder, without pickle.

::

    model.json            schema, names, hyperparameters, calibration, versions of libraries
    preprocessing.skops   the fitted preprocessing
    detector.skops        the fitted detector, or
    detector/             what a detector with ``save_weights`` writes
    calibration.npy       the calibration scores
    units.npy             those of whole units
    benign_sample.npy     benign rows to explain by
    manifest.json         SHA-256 of every file above

The manifest detects accidents; whoever keeps its digest elsewhere also detects attacks.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from oddwire.detection.benign_sample import BenignSample
from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.detection.calibration.units import UnitCalibration
from oddwire.detection.persistence.estimators import dump_estimator, load_estimator
from oddwire.detection.persistence.files import (
    dump_array,
    dump_json,
    in_a_line,
    load_array,
    load_json,
)
from oddwire.detection.persistence.manifest import read_verified, write_verified
from oddwire.errors import ModelError, ParameterError
from oddwire.traffic.schema import FeatureSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from oddwire.detection.calibration.benign_alarms import BenignAlarms
    from oddwire.detection.preprocessing.encoding import TableEncoder
    from oddwire.detection.preprocessing.table import TablePreprocessor
    from oddwire.detection.search_space import HyperParameters

FORMAT = 5

_LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy", "skops")


@dataclass(eq=False)
class ModelParts:
    """What a model is made of, and what its folder holds.

    Parameters
    ----------
    schema
        The feature columns that it reads; all other columns are ignored.
    detector_name
        A name of `detectors.DETECTORS`.
    hyperparameters
        By the names of the search space, such as ``detector__width``.
    seed
        Of all that is random in the detector.
    alert_p_value
        P-value at or below which a connection is an alert.
    metadata
        Anything that JSON can hold, such as the source's name.
    preprocessing, detector
        The two estimators.
    calibration, unit_calibration
        Of rows and of units; ``None`` before it is calibrated.
    benign_alarms
        Scores of the calibration rows by their sources; ``None`` unless it was calibrated just
        now, since it holds addresses and is not saved.
    benign_sample
        Benign rows to explain by; ``None`` before it is calibrated.
    """

    schema: FeatureSchema
    detector_name: str
    hyperparameters: HyperParameters
    seed: int
    alert_p_value: float
    metadata: dict[str, Any]
    preprocessing: TablePreprocessor | TableEncoder
    detector: Any
    calibration: ConformalCalibration | None = None
    unit_calibration: UnitCalibration | None = None
    benign_alarms: BenignAlarms | None = None
    benign_sample: BenignSample | None = None


M = TypeVar("M", bound=ModelParts)


def save_model(model: ModelParts, folder: Path) -> str:
    """Write a model to a folder: see `oddwire.detection.model.Model.save`.

    Raises
    ------
    ModelError
        If the model is not fitted, or ``folder`` exists and is not a saved model.
    """
    try:
        check_is_fitted(model.preprocessing)
        check_is_fitted(model.detector)
    except NotFittedError:
        raise ModelError("the model must be fitted before it is saved") from None
    return write_verified(folder, lambda draft: _write(model, draft))


def load_model(build: Callable[..., M], folder: Path, *, digest: str | None = None) -> M:
    """Read a model from a folder: see `oddwire.detection.model.Model.load`.

    Parameters
    ----------
    build
        Makes the unfitted model, as `oddwire.detection.model.Model.build`.

    Raises
    ------
    ModelError
        As by `Model.load`.
    """
    files = read_verified(folder, digest=digest)
    try:
        return _read(build, files, folder)
    except (KeyError, TypeError, ValueError, AttributeError, ParameterError) as error:
        raise ModelError(f"{folder} is not a model of this release: {in_a_line(error)}") from error


def _write(model: ModelParts, folder: Path) -> None:
    (folder / "model.json").write_bytes(dump_json(_about(model)))
    (folder / "preprocessing.skops").write_bytes(dump_estimator(model.preprocessing))
    if hasattr(model.detector, "save_weights"):
        model.detector.save_weights(folder / "detector")
    else:
        (folder / "detector.skops").write_bytes(dump_estimator(model.detector))
    if model.calibration is not None:
        (folder / "calibration.npy").write_bytes(dump_array(model.calibration.scores))
    if (units := model.unit_calibration) is not None:
        (folder / "units.npy").write_bytes(dump_array(units.worst.scores))
    if model.benign_sample is not None:
        (folder / "benign_sample.npy").write_bytes(dump_array(model.benign_sample.rows))


def _about(model: ModelParts) -> dict[str, Any]:
    libraries = {name: version(name) for name in _LIBRARIES}
    return {
        "format": FORMAT,
        "schema": model.schema.to_dict(),
        "detector_name": model.detector_name,
        "hyperparameters": dict(model.hyperparameters),
        "seed": model.seed,
        "alert_p_value": model.alert_p_value,
        "metadata": dict(model.metadata),
        "calibration": model.calibration and model.calibration.to_dict(),
        "unit_calibration": model.unit_calibration and model.unit_calibration.to_dict(),
        "benign_sample": model.benign_sample and model.benign_sample.to_dict(),
        "versions": {"python": platform.python_version(), **libraries},
    }


def _read(build: Callable[..., M], files: Mapping[str, bytes], folder: Path) -> M:
    about = load_json(files["model.json"], name="model.json")
    _check_release(about, folder)
    model = build(
        FeatureSchema.from_dict(about["schema"]),
        about["detector_name"],
        about["hyperparameters"],
        seed=about["seed"],
        alert_p_value=about["alert_p_value"],
        metadata=about["metadata"],
    )
    name = "preprocessing.skops"
    model.preprocessing = load_estimator(files[name], name=name, expected=type(model.preprocessing))
    columns = (*model.preprocessing.numeric, *model.preprocessing.categorical)
    if columns != model.schema.columns:
        raise ModelError("preprocessing.skops was made for other columns than model.json says")
    if hasattr(model.detector, "load_weights"):
        model.detector = model.detector.load_weights(folder / "detector")
    else:
        name = "detector.skops"
        model.detector = load_estimator(files[name], name=name, expected=type(model.detector))
    width, fitted = len(model.preprocessing.feature_names_out_), model.detector.n_features_in_
    if width != fitted:
        raise ModelError(
            f"the detector was fitted to {fitted} columns, the preprocessing has {width}"
        )
    if about["calibration"] is not None:
        scores = load_array(files["calibration.npy"], name="calibration.npy")
        model.calibration = ConformalCalibration.from_dict(about["calibration"], scores)
        worst = load_array(files["units.npy"], name="units.npy")
        model.unit_calibration = UnitCalibration.from_dict(about["unit_calibration"], worst)
    if about["benign_sample"] is not None:
        rows = load_array(files["benign_sample.npy"], name="benign_sample.npy")
        model.benign_sample = BenignSample.from_dict(about["benign_sample"], rows, model.schema)
    return model


def _check_release(about: Mapping[str, Any], folder: Path) -> None:
    if about["format"] != FORMAT:
        release = "an earlier" if about["format"] < FORMAT else "a later"
        raise ModelError(f"{folder} was saved by {release} release of oddwire: train again")
    # scikit-learn promises nothing about the insides of estimators between its releases.
    saved, here = about["versions"]["scikit-learn"], version("scikit-learn")
    if saved.split(".")[:2] != here.split(".")[:2]:
        raise ModelError(f"the model was saved by scikit-learn {saved}, but here is {here}")
