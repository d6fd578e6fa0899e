"""scikit-learn estimators as skops files: loading one never runs code that the file brings.

What a file may hold is listed in this module and never read from the file.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

from oddwire.detection.persistence.equal_bytes import with_equal_bytes
from oddwire.detection.persistence.files import in_a_line
from oddwire.detection.persistence.skops_import import skops_io
from oddwire.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What a skops file may hold in addition to skops's own defaults: plain values, arrays, and
# estimators of scikit-learn. A detector of a new type adds its line, after a look at what it does
# when loaded.
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

_LARGEST_UNPACKED = 2**31  # bytes; a small archive can unpack to any size
_LEAF = -1  # scikit-learn's mark for "no child"


def dump_estimator(estimator: object) -> bytes:
    """Return the skops form of a scikit-learn estimator: equal estimators give equal bytes.

    Raises
    ------
    ModelError
        If it holds a type that `load_estimator` would refuse.
    """
    content = with_equal_bytes(skops_io().dumps(estimator))
    _refuse_untrusted(content, name=type(estimator).__name__)
    return content


def load_estimator(content: bytes, *, name: str, expected: type | None = None) -> Any:
    """Read a scikit-learn estimator from its skops form.

    Parameters
    ----------
    content
        What `dump_estimator` returned.
    name
        The file's, for errors.
    expected
        The estimator's type; None takes any.

    Raises
    ------
    ModelError
        If it is something else or of another type, holds a type that is not in `TRUSTED_TYPES`, or
        a tree whose indices lead outside of its memory.
    """
    try:
        _refuse_untrusted(content, name=name)
        with warnings.catch_warnings():
            # The model knows the version that it was saved with and refuses what may not fit.
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            estimator = skops_io().loads(content, trusted=TRUSTED_TYPES)
        _check_trees(estimator, name)
    except ModelError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged file can fail anywhere in skops
        raise ModelError(f"{name} is not a skops file: {in_a_line(error)}") from None
    if expected is not None and type(estimator) is not expected:
        found = type(estimator).__name__
        raise ModelError(f"{name} must hold {expected.__name__}, got {found}")
    return estimator


def _refuse_untrusted(content: bytes, *, name: str) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > _LARGEST_UNPACKED:
        raise ModelError(f"{name} must unpack to at most 2 GiB, got {unpacked} bytes")
    found = set(skops_io().get_untrusted_types(data=content)) - set(TRUSTED_TYPES)
    if found:
        raise ModelError(f"{name} holds types that are not trusted: {', '.join(sorted(found))}")


def _check_trees(estimator: Any, name: str) -> None:
    """Refuse trees that would read outside of their memory or loop forever."""
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
    for part in inner:
        yield from _forests(part)
