"""One-Class SVM with a Gaussian kernel: what lies far from dense training rows is anomalous."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import SGDOneClassSVM
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.svm import OneClassSVM

from oddwire.detection.detectors.distances import sample_rows
from oddwire.detection.detectors.subspaces import SubspaceDetector
from oddwire.detection.search_space import Choice, FloatRange, IntRange, SearchSpace, When
from oddwire.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oddwire.detection.arrays import Matrix, Vector

_ROWS = {"exact": 8_000, "nystroem": 100_000}  # where `max_rows` is not given
_PAIR_ROWS = 1_000  # half a million pairs estimate the quantile of the distances
_NEAR = 0.05
# Rows of a product: its shape decides in which order it is summed up, and so a score's last bits,
# which must not depend on how many rows are scored at once.
_BLOCK_ROWS, _LANES = 256, 16
# Far out the logarithm of a kernel falls with the square of the distance: from here on it is
# flattened, so that one part cannot outvote the others.
_FAR_KERNEL = math.log(1e-12)
_LEAST_KERNEL = 1e-304  # the least that scoring gives, see `_score_whole`


class OneClassSVMDetector(SubspaceDetector):
    """One-Class SVM whose kernel width follows the data, scored by matrix products.

    However it was fitted, a row's score is a sum over `centers_` c with `weights_` w,
    ``sum(w * exp(-kernel_gamma_ * |x - c|²))``: the support vectors of the exact solution, or the
    landmarks of the Nyström approximation. With `column_folds` each of `parts_` is such a machine,
    and a row's score is the mean logarithm of theirs.

    Parameters
    ----------
    nu
        Share of training rows that may lie outside, above 0 and below 1.
    gamma
        The kernel's sharpness, as a multiple of one over the 5 % quantile of the squared distances
        between training rows. Unlike scikit-learn's ``scale`` this unit follows the distance to
        *near* rows, so that the same value serves one column and a thousand, dependent or not.
    approximation
        ``exact``: libsvm, whose time grows with the square of the rows. ``nystroem``: a linear
        machine by stochastic gradient descent on the Nyström features of `n_components` rows.
    n_components
        Landmarks of the Nyström approximation.
    max_rows
        Training rows used at most, a random sample where there are more; None is 8,000 for
        ``exact`` and 100,000 for ``nystroem``.
    column_folds
        0 for one machine of all columns; otherwise the columns are split at random into that many
        folds, and each machine leaves out one.
    random_state
        Seed.

    Attributes
    ----------
    parts_, subspaces_ : list
        Machines of parts of the columns, and the columns that they see.
    centers_ : ndarray of shape (centers, columns)
        Support vectors or landmarks; this and the next two only without parts.
    weights_ : ndarray of shape (centers,)
        Their weights in the score.
    kernel_gamma_ : float
        The kernel's sharpness in the units of the matrix.
    offset_ : float
        Score below which `predict` returns -1.

    References
    ----------
    Schölkopf, Platt, Shawe-Taylor, Smola & Williamson 2001, *Estimating the support of a
    high-dimensional distribution*. Williams & Seeger 2001, *Using the Nyström method to speed up
    kernel machines*.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(500, 2))
    >>> OneClassSVMDetector(random_state=0).fit(rows).predict([[0.0, 0.0], [9.0, 9.0]])
    array([ 1, -1])
    """

    search_space: ClassVar[SearchSpace] = {
        "preprocessing__transform": Choice(
            ("standard", "log_standard", "quantile_uniform", "quantile_normal")
        ),
        "preprocessing__max_categories": Choice((8, 32)),
        "detector__nu": FloatRange(0.005, 0.5, log=True),
        "detector__gamma": FloatRange(0.05, 20.0, log=True),
        "detector__approximation": Choice(("exact", "nystroem")),
        "detector__n_components": When(
            "detector__approximation", ("nystroem",), IntRange(100, 500, log=True)
        ),
    }
    defaults: ClassVar[Mapping[str, Any]] = {
        "preprocessing__transform": "log_standard",
        "preprocessing__relative_to": "all",
        "preprocessing__max_categories": 32,
        "detector__nu": 0.05,
        "detector__gamma": 2.0,
        "detector__approximation": "exact",
        "detector__column_folds": 0,
    }

    def __init__(
        self,
        *,
        nu: float = 0.05,
        gamma: float = 2.0,
        approximation: str = "exact",
        n_components: int = 300,
        max_rows: int | None = None,
        column_folds: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.nu = nu
        self.gamma = gamma
        self.approximation = approximation
        self.n_components = n_components
        self.max_rows = max_rows
        self.column_folds = column_folds
        self.random_state = random_state

    def _fit_whole(self, X: Matrix, random: np.random.RandomState) -> None:
        if self.approximation not in _ROWS:
            known = " or ".join(_ROWS)
            raise ParameterError(f"approximation must be {known}, got {self.approximation!r}")
        most = _ROWS[self.approximation] if self.max_rows is None else self.max_rows
        matrix = sample_rows(X, most, random)
        self.kernel_gamma_ = self.gamma / _near_distance(matrix, random)
        fit = self._fit_exact if self.approximation == "exact" else self._fit_nystroem
        self.centers_, self.weights_, self.offset_ = fit(matrix, random)

    def _fit_exact(self, X: Matrix, random: np.random.RandomState) -> tuple[Matrix, Vector, float]:
        del random
        machine = OneClassSVM(nu=self.nu, gamma=self.kernel_gamma_, cache_size=500).fit(X)
        return (
            np.ascontiguousarray(machine.support_vectors_),
            np.ascontiguousarray(machine.dual_coef_[0]),
            float(machine.offset_[0]),
        )

    def _fit_nystroem(
        self, X: Matrix, random: np.random.RandomState
    ) -> tuple[Matrix, Vector, float]:
        # Traffic repeats itself, and a landmark met twice adds nothing.
        rows = np.unique(sample_rows(X, 4 * self.n_components, random), axis=0)
        features = Nystroem(
            gamma=self.kernel_gamma_,
            n_components=min(self.n_components, len(rows)),
            random_state=random,
        ).fit(rows)
        machine = SGDOneClassSVM(nu=self.nu, average=True, random_state=random)
        trained = features.transform(X)
        machine.fit(trained)
        # The features are linear in the kernel, so both steps fold into one weight per landmark.
        weights = features.normalization_.T @ machine.coef_
        # The offset that gradient descent ends with lies below all rows as a rule.
        offset = float(np.quantile(trained @ machine.coef_, self.nu))
        return features.components_, weights, offset

    def log_score(self, scores: Vector) -> Vector:
        """Return the logarithm of the kernel sum as a share of all weights, flattened far out."""
        total = float(np.abs(self.weights_).sum()) or 1.0
        kernel = scores / total
        logarithm: Vector = np.log(np.maximum(kernel, _LEAST_KERNEL))
        beyond: Vector = np.log1p(np.maximum(_FAR_KERNEL - logarithm, 0.0))
        return np.maximum(logarithm, _FAR_KERNEL) - beyond

    def _score_whole(self, X: Matrix) -> Vector:
        """Return the kernel sum, higher for rows among many training rows."""
        # Distances by products lose digits far from the origin.
        origin = self.centers_.mean(axis=0)
        exponents = _whole_lanes(_exponent_factors(self.centers_ - origin, self.kernel_gamma_))
        weights = np.zeros(exponents.shape[1])
        weights[: len(self.weights_)] = self.weights_
        scores, columns = np.empty(len(X)), X.shape[1]
        block = np.zeros((_BLOCK_ROWS, len(exponents)))
        for start in range(0, len(X), _BLOCK_ROWS):
            rows = min(_BLOCK_ROWS, len(X) - start)
            near = block[:rows, :columns]
            np.subtract(X[start : start + rows], origin, out=near)
            block[:rows, columns] = np.einsum("ij,ij->i", near, near)
            block[:rows, columns + 1] = 1.0
            kernel = block @ exponents
            # Below -700 the results are subnormal: eighty times slower, and less than 1e-304.
            np.maximum(kernel, -700.0, out=kernel)
            scores[start : start + rows] = (np.exp(kernel, out=kernel) @ weights)[:rows]
        return scores


def _near_distance(X: Matrix, random: np.random.RandomState) -> float:
    """Return the 5 % quantile of the squared distances between different rows."""
    rows = sample_rows(X, _PAIR_ROWS, random)
    squared = euclidean_distances(rows, squared=True)[np.triu_indices(len(rows), k=1)]
    apart = squared[squared > 0]
    return float(np.quantile(apart, _NEAR)) if apart.size else 1.0


def _exponent_factors(centers: Matrix, gamma: float) -> Matrix:
    """Return F with ``[x, |x|², 1] @ F = -gamma * |x - c|²`` for each center c: one product."""
    squares = np.einsum("ij,ij->i", centers, centers)
    return gamma * np.vstack([2.0 * centers.T, -np.ones(len(centers)), -squares])


def _whole_lanes(factors: Matrix) -> Matrix:
    """Add zeros up to whole vectors: a product's last, partial vector is summed differently."""
    rows, columns = factors.shape
    padded = np.zeros((rows + -rows % _LANES, columns + -columns % _LANES))
    padded[:rows, :columns] = factors
    return padded
