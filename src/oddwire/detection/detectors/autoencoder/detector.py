"""The autoencoder as a scikit-learn outlier estimator.

torch and Lightning take seconds to import, so they are imported where they are used.
"""

from __future__ import annotations

import copy
import dataclasses
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from oddwire.detection.detectors.base import OutlierDetector
from oddwire.detection.search_space import (
    Choice,
    FloatRange,
    HyperParameters,
    IntRange,
    SearchSpace,
)
from oddwire.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from numpy.typing import ArrayLike, NDArray

    from oddwire.detection.detectors.autoencoder.network import Autoencoder
    from oddwire.detection.detectors.autoencoder.saving import Saved

_BOUND = 1e6  # values beyond are cut off: float32 would overflow, and nothing is odder than that
_SCALE = "error_scale"
_FLOOR = 0.1  # share of the mean squared error: no column is taken for more exact than this
_TINY = 1e-12  # for the case that every row comes back as it went in
_HELD_OUT_SHARE = 0.1
_FEWEST_TO_HOLD_OUT = 20  # below, every row trains and the same rows decide when to stop


class AutoencoderDetector(OutlierDetector):
    """Rows that a narrow network cannot give back are odd.

    The anomaly score is the mean over the columns of the squared reconstruction error, each
    column's error divided by what is usual for it on held-out rows (``scale_errors``).

    Parameters
    ----------
    width
        Units of the first hidden layer; each further layer has a quarter of the one before.
    latent_size
        Numbers that a row is squeezed into.
    noise
        Chance of each value, in training, to be swapped for another row's (a denoising
        autoencoder).
    learning_rate, weight_decay
        Of AdamW.
    batch_size
        Rows a step.
    max_epochs, patience
        At most so many passes over the rows, and how many without a smaller error on the
        held-out tenth of them before training stops. The best weights are kept.
    scale_errors
        Whether a column's error counts relative to its usual error.
    contamination
        Share of the training rows that ``predict`` calls outliers.
    accelerator
        Where to compute: ``auto``, ``cpu``, or ``gpu``.
    random_state
        Seed of weights, order, noise and held-out rows. The global random states are not used
        where this is a number.

    Attributes
    ----------
    network_ : Autoencoder
        The network, in float64, on the CPU.
    error_scale_ : ndarray of shape (n_features_in_,)
        What each column's error is divided by.
    offset_ : float
        Score below which ``predict`` says -1.
    n_features_in_ : int
        Number of columns.

    References
    ----------
    Vincent, Larochelle, Bengio & Manzagol 2008, *Extracting and composing robust features with
    denoising autoencoders*.
    """

    # Ranks (quantile_uniform) are left out: where a benign service is kept from NSL-KDD's training
    # file, they rank its rows with the attacks (ROC AUC .86 against .96 by log_standard), which
    # validation rows of the same services cannot show.
    search_space: ClassVar[SearchSpace] = {
        "preprocessing__transform": Choice(("log_standard", "quantile_normal")),
        "preprocessing__max_categories": Choice((4, 16, 64)),
        "detector__latent_size": IntRange(4, 12, log=True),
        "detector__noise": FloatRange(0.0, 0.2),
        "detector__learning_rate": FloatRange(1e-3, 5e-3, log=True),
    }
    defaults: ClassVar[HyperParameters] = {
        "preprocessing__transform": "log_standard",
        "preprocessing__max_categories": 16,
        "detector__latent_size": 8,
        "detector__noise": 0.05,
        "detector__learning_rate": 3e-3,
    }

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "width": [Interval(Integral, 1, None, closed="left")],
        "latent_size": [Interval(Integral, 1, None, closed="left")],
        "noise": [Interval(Real, 0, 1, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "scale_errors": ["boolean"],
        "contamination": [Interval(Real, 0, 0.5, closed="right")],
        "accelerator": [StrOptions({"auto", "cpu", "gpu"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        width: int = 128,
        latent_size: int = 8,
        noise: float = 0.05,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-4,
        batch_size: int = 256,
        max_epochs: int = 40,
        patience: int = 8,
        scale_errors: bool = True,
        contamination: float = 0.01,
        accelerator: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.width = width
        self.latent_size = latent_size
        self.noise = noise
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.scale_errors = scale_errors
        self.contamination = contamination
        self.accelerator = accelerator
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: object = None,
        *,
        on_epoch: Callable[[int], bool] | None = None,
    ) -> Self:
        """Train on rows, benign ones at best.

        Parameters
        ----------
        X
            Finite numbers of shape (n_rows, n_columns).
        y
            Not used.
        on_epoch
            Called after each epoch with its number, counted from 0, when `score_samples` works
            with the weights so far; True stops the training.
        """
        del y
        import torch

        from oddwire.detection.detectors.autoencoder import module

        self._validate_params()
        rows = _cut_off(validate_data(self, X, dtype=np.float64))
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        generator = torch.Generator().manual_seed(seed)
        network = self._build_network(rows.shape[1], generator)
        training, held_out = _hold_out(rows, torch.randperm(len(rows), generator=generator).numpy())

        def after_epoch(epoch: int) -> bool:
            self._adopt(network, held_out)
            return on_epoch is not None and bool(on_epoch(epoch))

        module.train(
            network,
            torch.from_numpy(training.astype(np.float32)),
            torch.from_numpy(held_out.astype(np.float32)),
            module.TrainingSettings(
                **{
                    field.name: getattr(self, field.name)
                    for field in dataclasses.fields(module.TrainingSettings)
                }
            ),
            generator=generator,
            on_epoch=None if on_epoch is None else after_epoch,
        )
        self._adopt(network, held_out)
        self.offset_ = float(np.percentile(self._scores(rows), 100 * self.contamination))
        return self

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the negative anomaly score of each row: higher is more normal, at most 0.

        Parameters
        ----------
        X
            Finite numbers of shape (n_rows, n_columns).

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        check_is_fitted(self, "network_")
        return self._scores(_cut_off(validate_data(self, X, dtype=np.float64, reset=False)))

    def save_weights(self, folder: Path) -> None:
        """Write what was fitted into two files of a folder, without pickle.

        Parameters
        ----------
        folder
            Where ``autoencoder.safetensors`` (weights, error scales) and ``autoencoder.json``
            (parameters, offset) go; it is made if need be. A ``random_state`` that is no number
            is not kept.
        """
        check_is_fitted(self, ["network_", "offset_"])
        import torch

        from oddwire.detection.detectors.autoencoder.saving import Saved, save

        parameters = self.get_params()
        if isinstance(self.random_state, np.random.RandomState):
            parameters["random_state"] = None
        save(
            Saved(
                parameters={name: _plain(value) for name, value in parameters.items()},
                columns=self.n_features_in_,
                offset=self.offset_,
                tensors={
                    **self.network_.state_dict(),
                    _SCALE: torch.from_numpy(self.error_scale_),
                },
            ),
            folder,
        )

    @classmethod
    def load_weights(cls, folder: Path) -> Self:
        """Read back what `save_weights` wrote; the scores are equal to the last bit.

        Raises
        ------
        ModelError
            If a file is missing, damaged, or does not fit the other.
        """
        from oddwire.detection.detectors.autoencoder.saving import load

        saved = load(folder)
        try:
            detector = cls(**saved.parameters)
            detector._validate_params()
            detector._take(saved)
        except (ValueError, TypeError, KeyError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise ModelError(f"the autoencoder in {folder} is damaged: {reason:.300}") from error
        return detector

    def _take(self, saved: Saved) -> None:
        tensors = dict(saved.tensors)
        error_scale = tensors.pop(_SCALE).double().numpy()
        if error_scale.shape != (saved.columns,) or not (error_scale > 0).all():
            raise ValueError(f"{_SCALE} must hold {saved.columns} positive numbers")
        network = self._build_network(saved.columns).double().requires_grad_(False)
        network.load_state_dict(tensors)
        self.network_, self.error_scale_ = network, error_scale
        self.n_features_in_, self.offset_ = saved.columns, saved.offset

    def _build_network(self, columns: int, generator: torch.Generator | None = None) -> Autoencoder:
        from oddwire.detection.detectors.autoencoder.network import Autoencoder

        return Autoencoder(
            columns, width=self.width, latent_size=self.latent_size, generator=generator
        )

    def _adopt(self, network: Autoencoder, held_out: NDArray[np.float64]) -> None:
        """Take a copy of the network, and the usual errors of each column, for scoring."""
        from oddwire.detection.detectors.autoencoder.network import column_errors

        self.network_ = copy.deepcopy(network).cpu().double().requires_grad_(False)
        self.error_scale_ = np.ones(held_out.shape[1])
        if self.scale_errors:
            usual = column_errors(self.network_, held_out)
            self.error_scale_ = np.sqrt(usual + _FLOOR * usual.mean() + _TINY)

    def _scores(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        import torch

        from oddwire.detection.detectors.autoencoder.network import mean_squared_errors

        network = self.network_
        if self.accelerator != "cpu" and torch.cuda.is_available():
            network = copy.deepcopy(network).cuda()
        return -mean_squared_errors(network, rows, self.error_scale_)


def _cut_off(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(rows, -_BOUND, _BOUND)


def _hold_out(
    rows: NDArray[np.float64], order: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Part rows into those to learn from and those that decide when to stop."""
    held = round(_HELD_OUT_SHARE * len(rows))
    if len(rows) < _FEWEST_TO_HOLD_OUT:
        return rows, rows
    return rows[order[held:]], rows[order[:held]]


def _plain(value: object) -> object:
    """Turn numpy's numbers, which JSON does not know, into Python's."""
    return value.item() if isinstance(value, np.generic) else value
