"""The autoencoder as a scikit-learn outlier estimator.

torch and Lightning take seconds to import, so they are imported where they are used.
"""

from __future__ import annotations

import copy
import hashlib
import json
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from oddwire.detection.search_space import Choice, FloatRange, HyperParameters, IntRange, SearchSpace
from oddwire.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from numpy.typing import ArrayLike, NDArray

    from oddwire.detection.detectors.autoencoder.network import Autoencoder

_WEIGHTS = "autoencoder.safetensors"
_SETTINGS = "autoencoder.json"
_BOUND = 1e6  # values beyond are cut off: float32 would overflow, and nothing is odder than that
_BLOCK = 4096  # rows scored at once: the layers' outputs stay in the cache
_HELD_OUT_SHARE = 0.1
_FEWEST_TO_HOLD_OUT = 20  # below, every row trains and the same rows decide when to stop


class AutoencoderDetector(OutlierMixin, BaseEstimator):
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

    search_space: ClassVar[SearchSpace] = {
        "preprocessing__transform": Choice(("log_standard", "quantile_uniform")),
        "detector__width": Choice((64, 128, 256)),
        "detector__latent_size": IntRange(4, 16, log=True),
        "detector__noise": FloatRange(0.0, 0.3),
        "detector__learning_rate": FloatRange(5e-4, 5e-3, log=True),
    }
    defaults: ClassVar[HyperParameters] = {
        "preprocessing__transform": "log_standard",
        "detector__width": 128,
        "detector__latent_size": 6,
        "detector__noise": 0.1,
        "detector__learning_rate": 1e-3,
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
        latent_size: int = 6,
        noise: float = 0.1,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-4,
        batch_size: int = 256,
        max_epochs: int = 60,
        patience: int = 10,
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
        import torch  # noqa: PLC0415 - seconds to import

        from oddwire.detection.detectors.autoencoder import module  # noqa: PLC0415 - the same
        from oddwire.detection.detectors.autoencoder.network import (  # noqa: PLC0415 - the same
            Autoencoder,
        )

        self._validate_params()
        rows = _cut_off(validate_data(self, X, dtype=np.float64))
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        generator = torch.Generator().manual_seed(seed)
        network = Autoencoder(
            rows.shape[1], width=self.width, latent_size=self.latent_size, generator=generator
        )
        shuffled = torch.from_numpy(rows.astype(np.float32))[
            torch.randperm(len(rows), generator=generator)
        ]
        held = round(_HELD_OUT_SHARE * len(rows)) if len(rows) >= _FEWEST_TO_HOLD_OUT else 0
        training, held_out = shuffled[held:], shuffled[:held] if held else shuffled

        def after_epoch(epoch: int) -> bool:
            self._adopt(network, held_out)
            return bool(on_epoch is not None and on_epoch(epoch))

        module.train(
            network,
            training,
            held_out,
            self._training_settings(),
            generator=generator,
            on_epoch=after_epoch if on_epoch is not None else None,
        )
        self._adopt(network, held_out)
        self.offset_ = float(np.percentile(self._scores(rows), 100 * self.contamination))
        return self

    def _training_settings(self):
        from oddwire.detection.detectors.autoencoder.module import TrainingSettings

        return TrainingSettings(
            noise=self.noise,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            batch_size=self.batch_size,
            max_epochs=self.max_epochs,
            patience=self.patience,
            accelerator=self.accelerator,
        )

    def score_samples(self, X):
        check_is_fitted(self, "network_")
        return self._scores(_cut_off(validate_data(self, X, dtype=np.float64, reset=False)))

    def decision_function(self, X):
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _adopt(self, network, held_out):
        import torch

        self.network_ = copy.deepcopy(network).cpu().double().requires_grad_(False)
        self.error_scale_ = np.ones(held_out.shape[1])
        if self.scale_errors:
            with torch.inference_mode():
                e = self.network_(held_out.double()) - held_out.double()
                mse = (e ** 2).mean(0).numpy()
            self.error_scale_ = np.sqrt(mse + FLOOR * mse.mean() + 1e-12)
            self._e = e.numpy()

    def _scores(self, rows):
        import torch

        scores = np.empty(len(rows))
        scale = torch.from_numpy(self.error_scale_)
        with torch.inference_mode():
            for start in range(0, len(rows), _BLOCK):
                b = torch.from_numpy(rows[start:start+_BLOCK])
                e = (self.network_(b) - b) / scale
                scores[start:start+_BLOCK] = -(e*e).mean(1).numpy()
        return scores

FLOOR = 0.1

def _cut_off(rows):
    return np.clip(rows, -_BOUND, _BOUND)
