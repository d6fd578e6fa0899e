"""A model as a folder, without pickle: loading never runs code that the folder brings.

::

    model.json            schema, names, hyperparameters, calibration, versions of libraries
    preprocessing.skops   the fitted preprocessing
    detector.skops        the fitted detector, or
    detector/             what a detector with ``save_weights`` writes
    calibration.npy       the calibration scores
    reference.npy         benign rows to explain by
    manifest.json         SHA-256 of every file above

scikit-learn objects come from skops with an allow-list that stands in this file and is never read
from the model; a manifest of which nobody kept the digest stops accidents only.
"""

from __future__ import annotations

import io
import platform
import warnings
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError
from sklearn.utils.validation import check_is_fitted

from oddwire.detection.benign_sample import BenignReference
from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.detection.persistence.manifest import (
    dump_json,
    load_json,
    read_verified,
    write_verified,
)
from oddwire.errors import ModelError, ParameterError
from oddwire.traffic.schema import FeatureSchema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from oddwire.detection.model import Model

M = TypeVar("M", bound="Model")

FORMAT = 4

# What a skops file may hold beside skops's own defaults: plain values, arrays, and estimators of
# scikit-learn. A detector of a new type adds its line, after a look at what it does when loaded.
TRUSTED_TYPES = (
    "oddwire.detection.detectors.isolation_forest.detector.IsolationForestDetector",
    "oddwire.detection.detectors.kmeans.KMeansDetector",
    "oddwire.detection.detectors.local_outlier_factor.LocalOutlierFactorDetector",
    "oddwire.detection.detectors.nearest_neighbours.NearestNeighboursDetector",
    "oddwire.detection.detectors.one_class_svm.OneClassSVMDetector",
    "oddwire.detection.preprocessing.encoding.TableEncoder",
    "oddwire.detection.preprocessing.number_scaler.NumberScaler",
    "oddwire.detection.preprocessing.table.TablePreprocessor",
    "sklearn.tree._tree.Tree",  # scikit-learn follows its indices blindly: _check_trees
)

_LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy", "skops")
_LARGEST_UNPACKED = 2**31  # bytes; a small archive can unpack to any size
_LEAF = -1  # scikit-learn's mark for "no child"


def save_model(model: Model, folder: Path) -> str:
    """Write a model to a folder, whole or not at all.

    Returns
    -------
    str
        SHA-256 of the folder's manifest.

    Raises
    ------
    ModelError
        If the model is not fitted, or ``folder`` is there and is no saved model.
    """
    try:
        check_is_fitted(model.preprocessing)
        check_is_fitted(model.detector)
    except NotFittedError:
        raise ModelError("the model must be fitted before it is saved") from None
    return write_verified(folder, lambda draft: _write(model, draft))


def load_model(kind: type[M], folder: Path, *, digest: str | None = None) -> M:
    """Read a model from a folder.

    Parameters
    ----------
    kind
        The class to build.
    digest
        What `save_model` returned; not checked where it is ``None``.

    Raises
    ------
    ModelError
        If a file is missing, extra, altered, or not what a model holds, or if the model was saved
        by another release of scikit-learn.
    """
    files = read_verified(folder, digest=digest)
    try:
        return _read(kind, files, folder)
    except (KeyError, TypeError, ValueError, AttributeError, ParameterError) as error:
        raise ModelError(f"{folder} is no model of this release: {_in_a_line(error)}") from error


def _write(model: Model, folder: Path) -> None:
    (folder / "model.json").write_bytes(dump_json(_about(model)))
    (folder / "preprocessing.skops").write_bytes(dump_estimator(model.preprocessing))
    if hasattr(model.detector, "save_weights"):
        (folder / "detector").mkdir()
        model.detector.save_weights(folder / "detector")
    else:
        (folder / "detector.skops").write_bytes(dump_estimator(model.detector))
    if model.calibration is not None:
        (folder / "calibration.npy").write_bytes(dump_array(model.calibration.scores))
    if model.reference is not None:
        (folder / "reference.npy").write_bytes(dump_array(model.reference.rows))


def _about(model: Model) -> dict[str, Any]:
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
        "reference": model.reference and model.reference.to_dict(),
        "versions": {"python": platform.python_version(), **libraries},
    }


def _read(kind: type[M], files: Mapping[str, bytes], folder: Path) -> M:
    about = load_json(files["model.json"], name="model.json")
    _check_release(about)
    model = kind.build(
        FeatureSchema.from_dict(about["schema"]),
        about["detector_name"],
        about["hyperparameters"],
        seed=about["seed"],
        alert_p_value=about["alert_p_value"],
        metadata=about["metadata"],
    )
    model.preprocessing = _part(files, "preprocessing.skops", like=model.preprocessing)
    columns = (*model.preprocessing.numeric, *model.preprocessing.categorical)
    if columns != model.schema.columns:
        raise ModelError("preprocessing.skops was made for other columns than model.json says")
    if hasattr(model.detector, "load_weights"):
        model.detector = model.detector.load_weights(folder / "detector")
    else:
        model.detector = _part(files, "detector.skops", like=model.detector)
    wide, made = len(model.preprocessing.feature_names_out_), model.detector.n_features_in_
    if wide != made:
        raise ModelError(f"the detector was fitted to {made} columns, the preprocessing has {wide}")
    if about["calibration"] is not None:
        scores = load_array(files["calibration.npy"], name="calibration.npy")
        model.calibration = ConformalCalibration.from_dict(about["calibration"], scores)
    if about.get("reference") is not None:  # models of the first releases have none
        rows = load_array(files["reference.npy"], name="reference.npy")
        model.reference = BenignReference.from_dict(about["reference"], rows, model.schema)
    return model


def _part(files: Mapping[str, bytes], name: str, *, like: object) -> Any:
    part = load_estimator(files[name], name=name)
    if type(part) is not type(like):
        raise ModelError(f"{name} must hold {type(like).__name__}, got {type(part).__name__}")
    return part


def _check_release(about: Mapping[str, Any]) -> None:
    if about["format"] != FORMAT:
        raise ModelError(f"model.json must be of format {FORMAT}, got {about['format']!r}")
    # scikit-learn promises nothing about the insides of estimators between its releases.
    saved, here = about["versions"]["scikit-learn"], version("scikit-learn")
    if saved.split(".")[:2] != here.split(".")[:2]:
        raise ModelError(f"the model was saved by scikit-learn {saved}, but here is {here}")


def dump_array(array: NDArray[np.float64]) -> bytes:
    """Return the ``.npy`` form of an array."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def load_array(content: bytes, *, name: str) -> NDArray[np.float64]:
    """Read an array of float64 from its ``.npy`` form, never by pickle.

    Raises
    ------
    ModelError
        If it is something else.
    """
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, MemoryError, OSError) as error:
        raise ModelError(f"{name} is not an array: {error}") from None
    if not isinstance(array, np.ndarray) or array.dtype != np.float64:
        raise ModelError(f"{name} must be an array of float64")
    return array


def dump_estimator(estimator: object) -> bytes:
    """Return the skops form of a scikit-learn estimator.

    Raises
    ------
    ModelError
        If it holds a type that `load_estimator` would refuse.
    """
    import skops.io

    # The lightest compression: the schema shrinks tenfold in a few hundredths of a second.
    content: bytes = skops.io.dumps(estimator, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
    _refuse_untrusted(content, name=type(estimator).__name__)
    return content


def load_estimator(content: bytes, *, name: str) -> Any:
    """Read a scikit-learn estimator from its skops form.

    Raises
    ------
    ModelError
        If it is something else, holds a type that is not in `TRUSTED_TYPES`, or a tree whose
        indices lead outside of its memory.
    """
    import skops.io

    try:
        _refuse_untrusted(content, name=name)
        with warnings.catch_warnings():
            # The model knows the version that it was saved with and refuses what may not fit.
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            estimator = skops.io.loads(content, trusted=TRUSTED_TYPES)
        _check_trees(estimator, name)
    except ModelError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged file can fail anywhere in skops
        raise ModelError(f"{name} is not a skops file: {_in_a_line(error)}") from None
    return estimator


def _refuse_untrusted(content: bytes, *, name: str) -> None:
    import skops.io

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > _LARGEST_UNPACKED:
        raise ModelError(f"{name} must unpack to at most 2 GiB, got {unpacked} bytes")
    found = set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED_TYPES)
    if found:
        raise ModelError(f"{name} holds types that are not trusted: {', '.join(sorted(found))}")


def _check_trees(estimator: Any, name: str) -> None:
    """Refuse trees that would read outside of their memory or walk in circles."""
    for forest in _forests(estimator):
        for member, features in zip(forest.estimators_, forest.estimators_features_, strict=True):
            tree = member.tree_
            nodes = np.arange(tree.node_count)
            left, right, feature = tree.children_left, tree.children_right, tree.feature
            inner = left != _LEAF
            sound = (
                tree.n_features == len(features) <= forest.n_features_in_
                and ((nodes < left) & (left < tree.node_count))[inner].all()
                and ((nodes < right) & (right < tree.node_count))[inner].all()
                and ((feature >= 0) & (feature < tree.n_features))[inner].all()
            )
            if not sound:
                raise ModelError(f"{name} holds a tree whose nodes lead outside of it")


def _forests(value: Any) -> Iterator[Any]:
    """Find forests at any depth: whatever stands in a list or an estimator may be scored by."""
    if hasattr(value, "estimators_features_"):
        yield value
    if isinstance(value, BaseEstimator):
        inner: Iterable[Any] = vars(value).values()
    elif isinstance(value, Mapping):
        inner = value.values()
    else:
        inner = value if isinstance(value, list | tuple) else ()
    for one in inner:
        yield from _forests(one)


def _in_a_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
