"""The detectors by name, each imported only when it is asked for.

A new detector is one file and one entry in `DETECTORS`: a scikit-learn outlier estimator with two
class attributes, ``search_space`` and ``defaults``, both with keys ``preprocessing__...`` and
``detector__...``. The contract tests pick it up by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from oddwire.detection.detectors.spec import DetectorSpec
from oddwire.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from oddwire.detection.search_space import SearchSpace

_TORCH = "autoencoder.lightning_module"
DETECTORS: Mapping[str, DetectorSpec] = MappingProxyType({
    spec.name: spec
    for spec in (
        DetectorSpec(
            "isolation_forest", "Isolation Forest", "IsolationForestDetector",
            "Rows that random splits isolate early are anomalous.",
        ),
        DetectorSpec(
            "one_class_svm", "One-Class SVM", "OneClassSVMDetector",
            "Rows outside of a smooth border around the training rows are anomalous.",
        ),
        DetectorSpec(
            "autoencoder", "Autoencoder", "AutoencoderDetector",
            "Rows that narrow networks cannot reconstruct are anomalous.", _TORCH,
        ),
        DetectorSpec(
            "kmeans", "K-Means", "KMeansDetector",
            "Rows far from the nearest of k centres are anomalous.",
        ),
        DetectorSpec(
            "kmeans_autoencoder", "K-Means and autoencoders", "KMeansAutoencoderDetector",
            "Rows that the autoencoder of their K-Means cluster cannot reconstruct are anomalous.",
            _TORCH,
        ),
        DetectorSpec(
            "nearest_neighbours", "Nearest neighbours", "NearestNeighboursDetector",
            "Rows far from the nearest training rows are anomalous.",
        ),
        DetectorSpec(
            "local_outlier_factor", "Local outlier factor", "LocalOutlierFactorDetector",
            "Rows in sparser places than their nearest training rows are anomalous.",
        ),
        DetectorSpec(
            "ensemble", "Ensemble", "EnsembleDetector",
            "Rows that several detectors find unlikely together are anomalous.", _TORCH,
        ),
    )
})  # fmt: skip


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
        Arguments of the estimator by their own names, or with keys ``detector__...`` as in the
        search space; keys ``preprocessing__...`` are left to the preprocessing. The class's
        ``defaults`` hold for the rest.
    random_state
        Seed of everything random in it.

    Raises
    ------
    ParameterError
        If there is no such detector, or it has no such parameter.
    """
    estimator = detector_spec(name).load()
    chosen = _own_params(estimator.defaults) | _own_params(params)
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
    """Score rows, higher = more anomalous: the one place where scikit-learn's sign is flipped.

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
