"""Isolation Forest: what few random cuts isolate is anomalous."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.ensemble import IsolationForest

from oddwire.detection.detectors.base import OutlierDetector
from oddwire.detection.detectors.isolation_forest.scoring import (
    FlatForest,
    average_path_length,
    node_ranges,
)
from oddwire.detection.search_space import Choice, FloatRange, IntRange, SearchSpace, relative_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oddwire.detection.arrays import Matrix, Vector


class IsolationForestDetector(OutlierDetector):
    """scikit-learn's `IsolationForest` with a check of ranges, and faster scores.

    A row outside of the range that a node's training rows span in the column of the cut is isolated
    there and goes no deeper. scikit-learn's forest does not see that: its cuts lie between training
    rows, so that any row beyond the last one counts as its neighbour.

    It takes any number of training rows, however few, without a warning. Scores do not depend on
    the number of threads, to the last bit.

    Parameters
    ----------
    n_estimators
        Trees.
    max_samples
        Training rows per tree; all where there are fewer.
    max_features
        Share of the columns that a tree sees, above 0 and up to 1.
    random_state
        Seed.

    Attributes
    ----------
    forest_ : IsolationForest
        The fitted trees.
    lows_, highs_ : ndarray of float32
        The nodes' ranges, tree after tree.
    offset_ : float
        Score below which `predict` returns -1: -0.5, the score of an average row (Liu, Ting & Zhou
        2008, *Isolation Forest*).

    References
    ----------
    Liu, Ting & Zhou 2008, *Isolation Forest*, ICDM. The check of ranges: Liu, Ting & Zhou 2010, *On
    detecting clustered anomalies using SCiForest*, ECML PKDD.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(500, 2))
    >>> IsolationForestDetector(random_state=0).fit(rows).predict([[0.0, 0.0], [9.0, 9.0]])
    array([ 1, -1])
    """

    search_space: ClassVar[SearchSpace] = {
        "preprocessing__transform": Choice(
            ("log_standard", "quantile_uniform", "quantile_normal", "standard")
        ),
        "preprocessing__relative_to": relative_to("group", "both", "all"),
        "preprocessing__max_categories": Choice((4, 16, 64)),
        "detector__n_estimators": IntRange(100, 400),
        "detector__max_samples": IntRange(256, 8192, log=True),
        "detector__max_features": FloatRange(0.3, 1.0),
    }
    defaults: ClassVar[Mapping[str, Any]] = {
        "preprocessing__transform": "log_standard",
        "preprocessing__relative_to": "group",
        "preprocessing__max_categories": 16,
        "detector__n_estimators": 300,
        "detector__max_samples": 2048,
        "detector__max_features": 0.5,
    }

    def __init__(
        self,
        *,
        n_estimators: int = 300,
        max_samples: int = 1024,
        max_features: float = 1.0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.max_features = max_features
        self.random_state = random_state

    def _fit(self, X: Matrix, random: np.random.RandomState) -> None:
        del random
        with np.errstate(over="ignore"):  # beyond float32's range is infinite to scikit-learn too
            single = np.ascontiguousarray(X, dtype=np.float32)
        self.forest_ = IsolationForest(
            n_estimators=self.n_estimators,
            max_samples=min(self.max_samples, len(X)),
            max_features=self.max_features,
            random_state=self.random_state,
        ).fit(single)
        self.lows_, self.highs_ = node_ranges(self.forest_, single)
        self._flat = FlatForest.of(self.forest_, self.lows_, self.highs_)
        self.offset_ = float(self.forest_.offset_)

    def _score(self, X: Matrix) -> Vector:
        """Return the negative of the paper's anomaly score, from -1 (anomalous) to 0."""
        if not hasattr(self, "_flat"):  # loaded from a file
            self._flat = FlatForest.of(self.forest_, self.lows_, self.highs_)
        lengths = self._flat.path_lengths(X)
        average = len(self.forest_.estimators_) * average_path_length(self.forest_.max_samples_)
        # A single training row has no path; scikit-learn's score for that is 1/2.
        ratios = np.divide(lengths, average, out=np.ones_like(lengths), where=average != 0)
        scores: Vector = -(2.0**-ratios)
        return scores

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what follows from the trees."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_flat"}
