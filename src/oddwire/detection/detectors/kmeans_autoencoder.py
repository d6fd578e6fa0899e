"""K-Means and autoencoders: what is hard to reconstruct among similar rows is anomalous."""

from __future__ import annotations

import math
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from oddwire.detection.detectors.autoencoder.detector import CONSTRAINTS, AutoencoderDetector
from oddwire.detection.detectors.base import OutlierDetector, saved_parameters, training_offset
from oddwire.detection.detectors.distances import sample_rows
from oddwire.detection.detectors.kmeans import find_centers, large_groups, nearest_places
from oddwire.detection.persistence.files import (
    dump_array,
    dump_json,
    in_a_line,
    load_array,
    load_json,
    read_file,
)
from oddwire.detection.search_space import Choice, FloatRange, IntRange, SearchSpace, relative_to
from oddwire.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import ArrayLike

    from oddwire.detection.arrays import Matrix, Places, Vector

_ROWS_FOR_CENTERS = 20_000
_HELD_OUT_SHARE = 0.1
_LEAST_ERROR = 1e-12  # of the typical one, so that it has a logarithm
_FEWEST_TO_HOLD_OUT = 50  # of a group; with fewer, the rows that trained its networks must do
_OF_THE_AUTOENCODER = ("n_networks", "latent_size", "noise", "max_epochs", "accelerator")
_WIDTH = 64
_SETTINGS, _CENTERS = "kmeans_autoencoder.json", "centers.npy"


class KMeansAutoencoderDetector(OutlierDetector):
    """K-Means groups the rows; each group has an autoencoder of its own.

    An autoencoder's error is divided by the median error of rows held out from its group, so that
    groups are comparable. A group with too few rows gets no networks: its centre is dropped, and
    its rows go to the nearest group that is left.

    Parameters
    ----------
    n_clusters
        Groups, at most.
    min_rows
        Training rows that a group must have.
    scored_by
        Whose error is a row's score: that of the ``nearest`` group; of the ``best``, with the
        smallest error; or the geometric mean of ``all``. A row of a kind not trained on can be
        nearest to a group that knows only its own kind, and the others tell it from a row that no
        group can reconstruct.
    n_networks, latent_size, noise, max_epochs, accelerator
        As of `AutoencoderDetector`, for each group.
    random_state
        Seed of centres, held-out rows and networks.

    Attributes
    ----------
    centers_ : ndarray of shape (groups, columns)
        The centres of the groups that have networks, at least one.
    autoencoders_ : list of AutoencoderDetector
        One for each group, fitted.
    scales_ : ndarray of shape (groups,)
        Median error of each group's held-out rows, above 0.
    offset_ : float
        Score below which ``predict`` returns -1.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(200, 1)) * [1.0, 2.0, 3.0]
    >>> detector = KMeansAutoencoderDetector(n_clusters=1, max_epochs=5, random_state=0).fit(rows)
    >>> detector.predict([[1.0, 2.0, 3.0], [30.0, -30.0, 30.0]])
    array([ 1, -1])
    """

    search_space: ClassVar[SearchSpace] = {
        "preprocessing__transform": Choice(
            ("log_standard", "quantile_normal", "quantile_uniform", "standard")
        ),
        "preprocessing__relative_to": relative_to("both", "group", "all"),
        "preprocessing__max_categories": Choice((4, 16, 64)),
        "detector__n_clusters": IntRange(2, 8),
        "detector__scored_by": Choice(("all", "best", "nearest")),
        "detector__latent_size": IntRange(4, 12, log=True),
        "detector__noise": FloatRange(0.0, 0.15),
    }
    defaults: ClassVar[Mapping[str, Any]] = {
        "preprocessing__transform": "log_standard",
        "preprocessing__relative_to": "group",
        "preprocessing__max_categories": 16,
        "detector__n_clusters": 3,
        "detector__scored_by": "all",
        "detector__latent_size": 8,
        "detector__noise": 0.05,
    }

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "min_rows": [Interval(Integral, 1, None, closed="left")],
        "scored_by": [StrOptions({"all", "best", "nearest"})],
        "random_state": ["random_state"],
        **{name: CONSTRAINTS[name] for name in _OF_THE_AUTOENCODER},
    }

    def __init__(
        self,
        *,
        n_clusters: int = 3,
        min_rows: int = 200,
        scored_by: Literal["all", "best", "nearest"] = "all",
        n_networks: int = 2,
        latent_size: int = 8,
        noise: float = 0.05,
        max_epochs: int | None = None,
        accelerator: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.min_rows = min_rows
        self.scored_by = scored_by
        self.n_networks = n_networks
        self.latent_size = latent_size
        self.noise = noise
        self.max_epochs = max_epochs
        self.accelerator = accelerator
        self.random_state = random_state

    def _fit(self, X: Matrix, random: np.random.RandomState) -> None:
        sample = sample_rows(X, _ROWS_FOR_CENTERS, random)
        centers = find_centers(sample, self.n_clusters, random)
        self.centers_ = large_groups(centers, X, self.min_rows)
        self.autoencoders_: list[AutoencoderDetector] = []
        scales = []
        groups = nearest_places(X, self.centers_)
        for group in range(len(self.centers_)):
            learn, held_out = _hold_out(X[groups == group], random)
            autoencoder = self._autoencoder(int(random.randint(2**31 - 1))).fit(learn)
            self.autoencoders_.append(autoencoder)
            scales.append(_typical_error(autoencoder, held_out))
        self.scales_ = np.array(scales)
        self.offset_ = training_offset(self._score(X))

    def assign_clusters(self, X: ArrayLike) -> Places:
        """Return each row's group, the place of its centre in ``centers_``: shape (rows,)."""
        return nearest_places(self._checked(X), self.centers_)

    def _score(self, X: Matrix) -> Vector:
        """Return the negative error relative to the groups' typical ones, at most 0."""
        errors = np.column_stack(
            [
                -autoencoder.score_samples(X) / scale
                for autoencoder, scale in zip(self.autoencoders_, self.scales_, strict=True)
            ]
        )
        if self.scored_by == "nearest":
            far: Vector = errors[np.arange(len(X)), nearest_places(X, self.centers_)]
        elif self.scored_by == "best":
            far = errors.min(axis=1)
        else:
            far = np.exp(np.log(np.maximum(errors, _LEAST_ERROR)).mean(axis=1))
        return -far

    def _autoencoder(self, seed: int) -> AutoencoderDetector:
        settings = {name: getattr(self, name) for name in _OF_THE_AUTOENCODER}
        return AutoencoderDetector(**settings, width=_WIDTH, random_state=seed)

    def save_weights(self, folder: Path) -> None:
        """Write what was fitted into a folder, which is made if need be, without pickle.

        Parameters
        ----------
        folder
            Where ``kmeans_autoencoder.json``, ``centers.npy`` and a folder ``group-N`` for each
            autoencoder go. A ``random_state`` that is not a number is not kept.
        """
        check_is_fitted(self, "offset_")
        content = {
            "parameters": saved_parameters(self),
            "offset": self.offset_,
            "scales": self.scales_.tolist(),
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _SETTINGS).write_bytes(dump_json(content))
        (folder / _CENTERS).write_bytes(dump_array(self.centers_))
        for group, autoencoder in enumerate(self.autoencoders_):
            autoencoder.save_weights(folder / f"group-{group}")

    @classmethod
    def load_weights(cls, folder: Path) -> Self:
        """Read back what `save_weights` wrote; the scores are equal to the last bit.

        Raises
        ------
        ModelError
            If a file is missing, damaged, or does not fit the others.
        """
        content = load_json(read_file(folder / _SETTINGS), name=_SETTINGS)
        centers = load_array(read_file(folder / _CENTERS), name=_CENTERS)
        try:
            detector = cls(**content["parameters"])
            detector._validate_params()
            detector._take(centers, content["scales"], content["offset"])
        except (ValueError, TypeError, KeyError) as error:
            raise ModelError(f"the detector in {folder} is damaged: {in_a_line(error)}") from error
        loaded = [
            AutoencoderDetector.load_weights(folder / f"group-{i}") for i in range(len(centers))
        ]
        if {autoencoder.n_features_in_ for autoencoder in loaded} != {centers.shape[1]}:
            raise ModelError(f"the autoencoders in {folder} were made for other columns")
        detector.autoencoders_ = loaded
        return detector

    def _take(self, centers: Matrix, scales: list[float], offset: float) -> None:
        _, columns = centers.shape
        if not centers.size or not np.isfinite(centers).all():
            raise ValueError("centers must be finite, at least one row and column")
        self.scales_ = np.array(scales, dtype=np.float64)
        sound = np.isfinite(self.scales_).all() and (self.scales_ > 0).all()
        if self.scales_.shape != (len(centers),) or not sound:
            raise ValueError("there must be a finite scale above 0 for each of the centers")
        self.offset_ = float(offset)
        if not math.isfinite(self.offset_):
            raise ValueError(f"the offset must be finite, got {self.offset_}")
        self.centers_ = np.ascontiguousarray(centers)
        self.n_features_in_ = columns


def _hold_out(rows: Matrix, random: np.random.RandomState) -> tuple[Matrix, Matrix]:
    """Split a group's rows into training rows and those that measure the typical error."""
    if len(rows) < _FEWEST_TO_HOLD_OUT:
        return rows, rows
    order = random.permutation(len(rows))
    held = round(_HELD_OUT_SHARE * len(rows))
    return rows[order[held:]], rows[order[:held]]


def _typical_error(autoencoder: AutoencoderDetector, rows: Matrix) -> float:
    errors = -autoencoder.score_samples(rows)
    median, mean = float(np.median(errors)), float(errors.mean())
    # More than half of the rows may be reconstructed almost exactly: then the mean must do.
    typical = median if median > 1e-3 * mean else mean
    return typical if typical > 0 else 1.0
