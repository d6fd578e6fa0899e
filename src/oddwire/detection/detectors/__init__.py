"""The detectors by name, each loaded only when it is asked for.

A new detector is one line in `DETECTORS` and one file: a scikit-learn outlier estimator with two
class attributes, ``search_space`` and ``defaults``, both keyed ``preprocessing__...`` and
``detector__...``. The contract tests find it there by themselves.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from oddwire.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from oddwire.detection.search_space import SearchSpace


@dataclass(frozen=True)
class DetectorSpec:
    """Where a detector's class is to be found.

    Parameters
    ----------
    name
        As in ``params.yaml``.
    title
        As people read it.
    module
        Imported by `load`, not before.
    class_name
        The estimator in that module.
    libraries
        A module that imports what the estimator itself imports only when it fits.
    """

    name: str
    title: str
    module: str
    class_name: str
    libraries: str | None = None

    def load(self) -> type[Any]:
        """Import the module and return the estimator's class."""
        found: type[Any] = getattr(importlib.import_module(self.module), self.class_name)
        return found

    def import_libraries(self) -> None:
        """Import all that fitting needs, so that it need not wait for it."""
        self.load()
        if self.libraries is not None:
            importlib.import_module(self.libraries)


def _kinds(*kinds: DetectorSpec) -> Mapping[str, DetectorSpec]:
    return MappingProxyType({kind.name: kind for kind in kinds})


DETECTORS: Mapping[str, DetectorSpec] = _kinds(
    DetectorSpec(
        name="isolation_forest",
        title="Isolation Forest",
        module="oddwire.detection.detectors.isolation_forest.detector",
        class_name="IsolationForestDetector",
    ),
    DetectorSpec(
        name="one_class_svm",
        title="One-Class SVM",
        module="oddwire.detection.detectors.one_class_svm",
        class_name="OneClassSVMDetector",
    ),
    DetectorSpec(
        name="autoencoder",
        title="Autoencoder",
        module="oddwire.detection.detectors.autoencoder.detector",
        class_name="AutoencoderDetector",
        libraries="oddwire.detection.detectors.autoencoder.lightning_module",
    ),
    DetectorSpec(
        name="kmeans",
        title="K-Means",
        module="oddwire.detection.detectors.kmeans",
        class_name="KMeansDetector",
    ),
    DetectorSpec(
        name="kmeans_autoencoder",
        title="K-Means and autoencoders",
        module="oddwire.detection.detectors.kmeans_autoencoder",
        class_name="KMeansAutoencoderDetector",
        libraries="oddwire.detection.detectors.autoencoder.lightning_module",
    ),
    DetectorSpec(
        name="nearest_neighbours",
        title="Nearest neighbours",
        module="oddwire.detection.detectors.nearest_neighbours",
        class_name="NearestNeighboursDetector",
    ),
    DetectorSpec(
        name="local_outlier_factor",
        title="Local outlier factor",
        module="oddwire.detection.detectors.local_outlier_factor",
        class_name="LocalOutlierFactorDetector",
    ),
    DetectorSpec(
        name="ensemble",
        title="Ensemble",
        module="oddwire.detection.detectors.ensemble.detector",
        class_name="EnsembleDetector",
        libraries="oddwire.detection.detectors.autoencoder.lightning_module",
    ),
)


def detector_spec(name: str) -> DetectorSpec:
    """Look a detector up.

    Raises
    ------
    ParameterError
        If there is no detector of that name.
    """
    try:
        return DETECTORS[name]
    except KeyError:
        known = ", ".join(DETECTORS)
        raise ParameterError(f"unknown detector {name!r}: there are {known}") from None


def build_detector(
    name: str, params: Mapping[str, Any] = MappingProxyType({}), *, random_state: int
) -> Any:
    """Make an unfitted detector.

    Parameters
    ----------
    name
        A key of `DETECTORS`.
    params
        Arguments of the estimator by their own names, or keyed ``detector__...`` as in the search
        space; keys ``preprocessing__...`` are left to the preprocessing. What is not given takes
        the value of the class's ``defaults``.
    random_state
        Seed of everything random in it.

    Raises
    ------
    ParameterError
        If there is no such detector, or it has no such parameter.
    """
    estimator = detector_spec(name).load()
    chosen = _own_params({**estimator.defaults}) | _own_params(params)
    detector = estimator(random_state=random_state)
    unknown = sorted(set(chosen) - set(detector.get_params()))
    if unknown:
        known = ", ".join(sorted(detector.get_params()))
        raise ParameterError(f"{name} has no parameter {unknown[0]!r}: it has {known}")
    return detector.set_params(**chosen)


def _own_params(params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key.removeprefix("detector__"): value
        for key, value in params.items()
        if not key.startswith("preprocessing__")
    }


def search_space(name: str) -> SearchSpace:
    """Return what a search may choose for a detector, its preprocessing included.

    Raises
    ------
    ParameterError
        If there is no detector of that name.
    """
    space: SearchSpace = detector_spec(name).load().search_space
    return space


def default_parameters(name: str) -> dict[str, Any]:
    """Return a point of the search space that does well without a search.

    Raises
    ------
    ParameterError
        If there is no detector of that name.
    """
    return dict(detector_spec(name).load().defaults)


def anomaly_score(detector: Any, X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Score rows so that higher is worse: the one place where scikit-learn's sign is turned.

    Parameters
    ----------
    detector
        A fitted detector.
    X
        Matrix of shape (rows, columns).

    Returns
    -------
    ndarray of float64 of shape (rows,)
    """
    return -np.asarray(detector.score_samples(X), dtype=np.float64)
