"""The autoencoder as a scikit-learn outlier estimator.

torch and Lightning take seconds to import, so they are imported where they are used.
"""

from __future__ import annotations

import copy
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from oddwire.detection.detectors.base import OutlierDetector, saved_parameters, training_offset
from oddwire.detection.persistence.files import dump_json, in_a_line, load_json, read_file
from oddwire.detection.search_space import Choice, FloatRange, IntRange, SearchSpace, relative_to
from oddwire.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import torch
    from numpy.typing import ArrayLike

    from oddwire.detection.arrays import Matrix, Vector
    from oddwire.detection.detectors.autoencoder.network import Autoencoder

_ERROR_SCALE = "error_scale"
_TENSORS, _SETTINGS = "autoencoder.safetensors", "autoencoder.json"

CONSTRAINTS: dict[str, list[Any]] = {
    "n_networks": [Interval(Integral, 1, None, closed="left")],
    "width": [Interval(Integral, 1, None, closed="left")],
    "latent_size": [Interval(Integral, 1, None, closed="left")],
    "noise": [Interval(Real, 0, 1, closed="left")],
    "learning_rate": [Interval(Real, 0, None, closed="neither")],
    "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
    "patience": [Interval(Integral, 1, None, closed="left")],
    "scale_errors": ["boolean"],
    "accelerator": [StrOptions({"auto", "cpu", "gpu"})],
    "random_state": ["random_state"],
}


class AutoencoderDetector(OutlierDetector):
    """Rows that narrow networks cannot reconstruct are anomalous.

    Several small networks, each with its own first weights and noise, are trained together; the
    anomaly score is the mean of theirs, which depends less on the seed than one network's. A
    network's score is the mean over the columns of the squared reconstruction error, each column's
    error divided by its scale on held-out rows (`scale_errors`), and what is beyond 50 times that
    counted by its logarithm.

    Parameters
    ----------
    n_networks
        Networks whose scores are averaged.
    width
        Units of the first hidden layer; each further layer has a quarter of the one before.
    latent_size
        Numbers that a row is compressed to.
    noise
        Probability, in training, that a value is replaced by another row's (a denoising
        autoencoder).
    learning_rate
        Of AdamW.
    max_epochs, patience
        The most passes over the rows, and how many without a smaller error on the held-out tenth of
        them end the training. The best weights are kept. None is 20 for many rows and more for few,
        so that there are about 2000 steps.
    scale_errors
        Whether a column's error is divided by its own scale, or by that of all columns.
    accelerator
        Where to compute: ``auto``, ``cpu``, or ``gpu``.
    random_state
        Seed of weights, order, noise and held-out rows. The global random states are not used
        where this is a number.

    Attributes
    ----------
    network_ : Autoencoder
        The networks, in float32, on the CPU.
    error_scale_ : Tensor of shape (networks, columns)
        What errors are divided by: the root mean squared error of held-out rows.
    offset_ : float
        Score below which ``predict`` returns -1.
    n_features_in_ : int
        Number of columns.

    References
    ----------
    Vincent, Larochelle, Bengio & Manzagol 2008, *Extracting and composing robust features with
    denoising autoencoders*. Chen, Sathe, Aggarwal & Turaga 2017, *Outlier detection with
    autoencoder ensembles*.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(200, 1)) * [1.0, 2.0, 3.0]
    >>> detector = AutoencoderDetector(latent_size=1, max_epochs=5, random_state=0).fit(rows)
    >>> detector.predict([[1.0, 2.0, 3.0], [9.0, -9.0, 9.0]])
    array([ 1, -1])
    """

    search_space: ClassVar[SearchSpace] = {
        "preprocessing__transform": Choice(
            ("log_standard", "quantile_normal", "quantile_uniform", "standard")
        ),
        "preprocessing__relative_to": relative_to("both", "group", "all"),
        "preprocessing__max_categories": Choice((4, 16, 64)),
        "detector__width": Choice((64, 128)),
        "detector__latent_size": IntRange(4, 12, log=True),
        "detector__noise": FloatRange(0.0, 0.15),
        "detector__learning_rate": FloatRange(2e-3, 5e-3, log=True),
        "detector__scale_errors": Choice((True, False)),
    }
    defaults: ClassVar[Mapping[str, Any]] = {
        "preprocessing__transform": "log_standard",
        "preprocessing__relative_to": "group",
        "preprocessing__max_categories": 16,
        "detector__width": 128,
        "detector__latent_size": 6,
        "detector__noise": 0.06,
        "detector__learning_rate": 3e-3,
        "detector__scale_errors": True,
    }

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = CONSTRAINTS

    def __init__(
        self,
        *,
        n_networks: int = 3,
        width: int = 128,
        latent_size: int = 6,
        noise: float = 0.06,
        learning_rate: float = 3e-3,
        max_epochs: int | None = None,
        patience: int = 8,
        scale_errors: bool = True,
        accelerator: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_networks = n_networks
        self.width = width
        self.latent_size = latent_size
        self.noise = noise
        self.learning_rate = learning_rate
        self.max_epochs = max_epochs
        self.patience = patience
        self.scale_errors = scale_errors
        self.accelerator = accelerator
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: object = None,
        *,
        on_epoch: Callable[[int], bool] | None = None,
    ) -> Self:
        """Train on rows, preferably benign ones.

        Parameters
        ----------
        X
            Finite numbers of shape (n_rows, n_columns).
        y
            Ignored.
        on_epoch
            Called after each epoch with its number, counted from 0, when `score_samples` works
            with the weights so far; True stops the training.
        """
        del y
        import torch

        from oddwire.detection.detectors.autoencoder import lightning_module
        from oddwire.detection.detectors.autoencoder.scoring import BOUND

        self._validate_params()
        rows = self._checked(X, reset=True)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        generator = torch.Generator().manual_seed(seed)
        network = self._build_network(rows.shape[1], generator)
        training, held_out = lightning_module.hold_out(
            torch.from_numpy(np.clip(rows, -BOUND, BOUND).astype(np.float32)),
            torch.randperm(len(rows), generator=generator),
        )

        def after_epoch(epoch: int) -> bool:
            self._adopt(network, held_out)
            return on_epoch is not None and bool(on_epoch(epoch))

        lightning_module.train(
            network,
            training,
            held_out,
            lightning_module.TrainingSettings(
                noise=self.noise,
                learning_rate=self.learning_rate,
                max_epochs=self.max_epochs,
                patience=self.patience,
                accelerator=self.accelerator,
            ),
            generator=generator,
            on_epoch=None if on_epoch is None else after_epoch,
        )
        self._adopt(network, held_out)
        self.offset_ = training_offset(self._score(rows))
        return self

    def _score(self, X: Matrix) -> Vector:
        import torch

        from oddwire.detection.detectors.autoencoder.scoring import Scorer

        on_gpu = self.accelerator != "cpu" and torch.cuda.is_available()
        # Made anew for each call: cheap, and never out of date.
        scorer = Scorer(self.network_, self.error_scale_, device="cuda" if on_gpu else "cpu")
        return -scorer.score_rows(X)

    def save_weights(self, folder: Path) -> None:
        """Write what was fitted into two files of a folder, without pickle.

        Parameters
        ----------
        folder
            Where ``autoencoder.safetensors`` (weights, error scale) and ``autoencoder.json``
            (parameters, offset) go; it is made if need be. A ``random_state`` that is not a number
            is not kept.
        """
        check_is_fitted(self, ["network_", "offset_"])
        from safetensors.torch import save

        content = {
            "parameters": saved_parameters(self),
            "columns": self.n_features_in_,
            "offset": self.offset_,
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _SETTINGS).write_bytes(dump_json(content))
        tensors = {**self.network_.state_dict(), _ERROR_SCALE: self.error_scale_}
        (folder / _TENSORS).write_bytes(save(tensors))

    @classmethod
    def load_weights(cls, folder: Path) -> Self:
        """Read back what `save_weights` wrote; the scores are equal to the last bit.

        Raises
        ------
        ModelError
            If a file is missing, damaged, or does not fit the other.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        from oddwire.detection.detectors.autoencoder.error_statistics import check_error_scale

        content = load_json(read_file(folder / _SETTINGS), name=_SETTINGS)
        tensors_file = read_file(folder / _TENSORS)
        try:
            detector = cls(**content["parameters"])
            detector._validate_params()
            detector.n_features_in_ = int(content["columns"])
            detector.offset_ = float(content["offset"])
            tensors = load(tensors_file)
            detector.error_scale_ = check_error_scale(
                tensors.pop(_ERROR_SCALE), (detector.n_networks, detector.n_features_in_)
            )
            detector.network_ = detector._build_network(detector.n_features_in_)
            detector.network_.requires_grad_(False).load_state_dict(tensors)
        except (ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
            raise ModelError(
                f"the autoencoder in {folder} is damaged: {in_a_line(error)}"
            ) from error
        return detector

    def _build_network(self, columns: int, generator: torch.Generator | None = None) -> Autoencoder:
        """Make networks of this detector's shape; without a generator, weights are undefined."""
        from oddwire.detection.detectors.autoencoder.network import Autoencoder

        return Autoencoder(
            columns,
            networks=self.n_networks,
            width=self.width,
            latent_size=self.latent_size,
            generator=generator,
        )

    def _adopt(self, network: Autoencoder, held_out: torch.Tensor) -> None:
        """Take a copy of the networks, and the scale of their errors, for scoring."""
        from oddwire.detection.detectors.autoencoder.error_statistics import fit_error_scale

        self.network_ = copy.deepcopy(network).cpu().requires_grad_(False)
        self.error_scale_ = fit_error_scale(self.network_, held_out, scale_errors=self.scale_errors)
