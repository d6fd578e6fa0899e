"""The autoencoder as a scikit-learn outlier estimator.

torch and Lightning take seconds to import, so they are imported where they are used.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from oddwire.detection.detectors.autoencoder.settings import CONSTRAINTS, DEFAULTS, SEARCH_SPACE
from oddwire.detection.detectors.base import OutlierDetector
from oddwire.detection.search_space import HyperParameters, SearchSpace
from oddwire.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from numpy.typing import ArrayLike, NDArray

    from oddwire.detection.detectors.autoencoder.network import Autoencoder
    from oddwire.detection.detectors.autoencoder.scoring import Scorer

_BOUND = 1e6  # values beyond are cut off: float32 would overflow, and nothing is odder than that


class AutoencoderDetector(OutlierDetector):
    """Rows that narrow networks cannot give back are odd.

    Several small networks, each with first weights and noise of its own, are trained side by
    side; the anomaly score is the mean of theirs, which depends less on the seed than one
    network's. A network's score is the mean over the columns of the squared reconstruction
    error, each column's error divided by what is usual for it on held-out rows
    (``scale_errors``) and what is beyond ``error_cap`` counted by its logarithm. ``score_from`` can
    add how far the code lies from those of training rows, or take that alone.

    Parameters
    ----------
    n_networks
        Networks whose scores are averaged.
    width
        Units of the first hidden layer; each further layer has a quarter of the one before.
    latent_size
        Numbers that a row is squeezed into.
    noise
        Chance of each value, in training, to be swapped for another row's (a denoising
        autoencoder).
    shrink
        Weight of the codes' mean square in the loss (a shrink autoencoder).
    learning_rate, weight_decay
        Of AdamW.
    batch_size
        Rows a step, at most: few rows train in smaller batches.
    max_epochs, patience
        At most so many passes over the rows, and how many without a smaller error on the
        held-out tenth of them before training stops. The best weights are kept. None is 20 for
        many rows, more for few rows, so that there are about 2000 steps.
    scale_errors
        Whether a column's error counts relative to its own usual error, or to that of all.
    error_cap
        How many times the usual squared error a column counts in full.
    score_from
        ``reconstruction``; ``density``, the squared distance of the code to the nearest of the
        places where codes of training rows lie; or ``both``, the first and 0.3 times the second.
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
        The networks, in float32, on the CPU.
    error_statistics_ : ErrorStatistics
        What errors and distances are divided by.
    offset_ : float
        Score below which ``predict`` says -1.
    n_features_in_ : int
        Number of columns.

    References
    ----------
    Vincent, Larochelle, Bengio & Manzagol 2008, *Extracting and composing robust features with
    denoising autoencoders*. Cao, Nicolau & McDermott 2019, *Learning neural representations for
    network anomaly detection*. Chen, Sathe, Aggarwal & Turaga 2017, *Outlier detection with
    autoencoder ensembles*.
    """

    search_space: ClassVar[SearchSpace] = SEARCH_SPACE
    defaults: ClassVar[HyperParameters] = DEFAULTS

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = CONSTRAINTS

    def __init__(
        self,
        *,
        n_networks: int = 3,
        width: int = 128,
        latent_size: int = 6,
        noise: float = 0.06,
        shrink: float = 0.0,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-4,
        batch_size: int = 256,
        max_epochs: int | None = None,
        patience: int = 8,
        scale_errors: bool = True,
        error_cap: float = 50.0,
        score_from: Literal["reconstruction", "density", "both"] = "reconstruction",
        contamination: float = 0.01,
        accelerator: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_networks = n_networks
        self.width = width
        self.latent_size = latent_size
        self.noise = noise
        self.shrink = shrink
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.scale_errors = scale_errors
        self.error_cap = error_cap
        self.score_from = score_from
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

        from oddwire.detection.detectors.autoencoder import lightning_module

        self._validate_params()
        rows = validate_data(self, X, dtype=np.float64)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        generator = torch.Generator().manual_seed(seed)
        network = self.build_network(rows.shape[1], generator)
        training, held_out = lightning_module.hold_out(
            torch.from_numpy(np.clip(rows, -_BOUND, _BOUND).astype(np.float32)),
            torch.randperm(len(rows), generator=generator),
        )

        def after_epoch(epoch: int) -> bool:
            self._adopt(network, training, held_out)
            return on_epoch is not None and bool(on_epoch(epoch))

        lightning_module.train(
            network,
            training,
            held_out,
            lightning_module.TrainingSettings.of(self),
            generator=generator,
            on_epoch=None if on_epoch is None else after_epoch,
        )
        self._adopt(network, training, held_out)
        self.offset_ = float(np.percentile(self.score_samples(rows), 100 * self.contamination))
        return self

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the negative anomaly score of each row: at most 0, higher is more normal.

        Parameters
        ----------
        X
            Finite numbers of shape (n_rows, n_columns).

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        return -self._scorer().score_rows(self._checked(X))

    def score_columns(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return what each column adds to the anomaly score from reconstruction.

        Parameters
        ----------
        X
            Finite numbers of shape (n_rows, n_columns).

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            Higher is worse; the mean over the columns is the score from ``reconstruction``.
        """
        return self._scorer().score_columns(self._checked(X))

    def save_weights(self, folder: Path) -> None:
        """Write what was fitted into two files of a folder, without pickle.

        Parameters
        ----------
        folder
            Where ``autoencoder.safetensors`` (weights, usual errors) and ``autoencoder.json``
            (parameters, offset) go; it is made if need be. A ``random_state`` that is no number
            is not kept.
        """
        check_is_fitted(self, ["network_", "offset_"])
        from oddwire.detection.detectors.autoencoder.saving import pack, save

        save(pack(self), folder)

    @classmethod
    def load_weights(cls, folder: Path) -> Self:
        """Read back what `save_weights` wrote; the scores are equal to the last bit.

        Raises
        ------
        ModelError
            If a file is missing, damaged, or does not fit the other.
        """
        from oddwire.detection.detectors.autoencoder.saving import load, unpack

        saved = load(folder)
        try:
            detector = cls(**saved.parameters)
            detector._validate_params()
            unpack(saved, detector)
        except (ValueError, TypeError, KeyError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise ModelError(f"the autoencoder in {folder} is damaged: {reason:.300}") from error
        return detector

    def build_network(self, columns: int, generator: torch.Generator | None = None) -> Autoencoder:
        """Make networks of this detector's shape; without a generator, weights are undefined."""
        from oddwire.detection.detectors.autoencoder.network import Autoencoder

        return Autoencoder(
            columns,
            networks=self.n_networks,
            width=self.width,
            latent_size=self.latent_size,
            generator=generator,
        )

    def _adopt(self, network: Autoencoder, training: torch.Tensor, held_out: torch.Tensor) -> None:
        """Take a copy of the networks, and what is usual for them, for scoring."""
        from oddwire.detection.detectors.autoencoder.error_statistics import fit_error_statistics

        self.network_ = copy.deepcopy(network).cpu().requires_grad_(False)
        self.error_statistics_ = fit_error_statistics(
            self.network_,
            training,
            held_out,
            scale_errors=self.scale_errors,
            density=self.score_from != "reconstruction",
        )

    def _scorer(self) -> Scorer:
        """Fold the weights anew for each call: cheap, and never out of date."""
        check_is_fitted(self, "network_")
        import torch

        from oddwire.detection.detectors.autoencoder.scoring import Scorer

        on_gpu = self.accelerator != "cpu" and torch.cuda.is_available()
        return Scorer(
            self.network_,
            self.error_statistics_,
            score_from=self.score_from,
            error_cap=self.error_cap,
            device="cuda" if on_gpu else "cpu",
        )
