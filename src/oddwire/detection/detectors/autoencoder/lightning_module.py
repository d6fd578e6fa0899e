"""How the networks are trained: a LightningModule, its batches, a Trainer that leaves no trace."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.callbacks import EarlyStopping, LambdaCallback
from pytorch_lightning.utilities import CombinedLoader

from oddwire.detection.detectors.autoencoder.network import Autoencoder
from oddwire.detection.detectors.autoencoder.quiet import (
    one_thread,
    without_known_remarks,
    without_known_warnings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HELD_OUT_ERROR = "held_out_error"
_HELD_OUT_SHARE = 0.1
_FEWEST_TO_HOLD_OUT = 20
_BLOCK = 8192  # held-out rows at once
# Forty epochs in batches of 256 are too few steps for some hundred rows: ROC AUC .80 instead of .88
# on 460 benign rows of UNSW-NB15.
_STEPS = 2000
_STEPS_AN_EPOCH = 50
_SMALLEST_BATCH, _LARGEST_BATCH = 32, 256
_FEWEST_EPOCHS, _MOST_EPOCHS = 20, 200


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How to train; the fields are those of `AutoencoderDetector`."""

    noise: float
    learning_rate: float
    max_epochs: int | None
    patience: int
    accelerator: str

    def rows_a_step(self, rows: int) -> int:
        """Return the size of a batch, halved as long as an epoch would have but a few steps."""
        size = _LARGEST_BATCH
        while size >= 2 * _SMALLEST_BATCH and rows < _STEPS_AN_EPOCH * size:
            size //= 2
        return size

    def epochs(self, rows: int) -> int:
        """Return ``max_epochs``, or as many as make up the steps that small sets need too."""
        if self.max_epochs is not None:
            return self.max_epochs
        wanted = round(_STEPS * self.rows_a_step(rows) / rows)
        return min(max(wanted, _FEWEST_EPOCHS), _MOST_EPOCHS)


class AutoencoderModule(pl.LightningModule):
    """Learns to reconstruct clean rows from noisy ones."""

    def __init__(self, network: Autoencoder, settings: TrainingSettings) -> None:
        super().__init__()
        self.network = network
        self.settings = settings

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """Return the sum of the networks' mean squared errors, none of which moves another's."""
        noisy, clean = batch
        errors: torch.Tensor = self.network(noisy) - clean
        return errors.square().mean(dim=(1, 2)).sum()

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
        """Log the error on held-out rows, which early stopping watches."""
        rows, clean = batch
        error = (self.network(rows) - clean).square().mean()
        self.log(_HELD_OUT_ERROR, error, batch_size=rows.shape[-2])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return AdamW over all weights."""
        return torch.optim.AdamW(
            self.parameters(),
            lr=self.settings.learning_rate,
            weight_decay=1e-4,
            fused=True,
        )


@dataclass(frozen=True, kw_only=True)
class RowBatches:
    """Batches sliced from one tensor: far faster than collating row by row.

    Parameters
    ----------
    rows
        Rows by columns.
    batch_size
        Rows a batch.
    noise
        Chance of each value to be swapped for another row's value of the same column; that keeps
        the columns' distributions, whatever their scale (swap noise; Vincent et al. 2008 for
        denoising autoencoders as such).
    copies
        How many times each batch is repeated, each time with other noise: once per network.
    generator
        Draws order and noise; without one, rows come in order and clean.
    """

    rows: torch.Tensor
    batch_size: int
    noise: float = 0.0
    copies: int = 1
    generator: torch.Generator | None = None

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        if self.generator is None:
            for rows in torch.split(self.rows, self.batch_size):
                yield rows, rows
            return
        order = torch.randperm(len(self.rows), generator=self.generator)
        for index in torch.split(order, self.batch_size):
            clean = self.rows[index]
            yield self._with_noise(clean.expand(self.copies, -1, -1)), clean

    def _with_noise(self, clean: torch.Tensor) -> torch.Tensor:
        if self.noise == 0:
            return clean
        swapped = torch.rand(clean.shape, generator=self.generator) < self.noise
        others = torch.randint(len(self.rows), clean.shape[:-1], generator=self.generator)
        return torch.where(swapped, self.rows[others], clean)


class BestWeights(pl.Callback):
    """Keeps the weights with the smallest held-out error, and restores them at the end."""

    def __init__(self) -> None:
        self.error = float("inf")
        self.weights: dict[str, torch.Tensor] = {}

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the first weights, for the case that no epoch ends with a finite error."""
        del trainer
        self.weights = copy.deepcopy(pl_module.state_dict())

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the weights if they are the best so far."""
        error = float(trainer.callback_metrics[_HELD_OUT_ERROR])
        if error < self.error:
            self.error = error
            self.weights = copy.deepcopy(pl_module.state_dict())

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restore the best weights."""
        del trainer
        pl_module.load_state_dict(self.weights)


def hold_out(rows: torch.Tensor, order: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Split rows, shuffled by ``order``, into training rows and those that decide when to stop.

    With few rows both are all of them.
    """
    if len(rows) < _FEWEST_TO_HOLD_OUT:
        return rows, rows
    held = round(_HELD_OUT_SHARE * len(rows))
    return rows[order[held:]], rows[order[:held]]


def train(
    network: Autoencoder,
    rows: torch.Tensor,
    held_out: torch.Tensor,
    settings: TrainingSettings,
    *,
    generator: torch.Generator,
    on_epoch: Callable[[int], bool] | None = None,
) -> None:
    """Train ``network`` in place; it ends with its best weights, on the CPU.

    Parameters
    ----------
    network
        The networks with their first weights.
    rows, held_out
        Training rows and rows that decide when to stop, float32, on the CPU.
    settings
        How to train.
    generator
        Draws the order of the rows and the noise.
    on_epoch
        Called after each epoch with its number; True stops the training.
    """
    callbacks = [EarlyStopping(_HELD_OUT_ERROR, patience=settings.patience), BestWeights()]
    if on_epoch is not None:

        def report(trainer: pl.Trainer, module: pl.LightningModule) -> None:
            del module
            trainer.should_stop |= on_epoch(trainer.current_epoch)

        callbacks.append(LambdaCallback(on_train_epoch_end=report))
    batches = RowBatches(
        rows=rows,
        batch_size=settings.rows_a_step(len(rows)),
        noise=settings.noise,
        copies=network.networks,
        generator=generator,
    )
    with without_known_remarks():
        with without_known_warnings():
            trainer = _trainer(settings, callbacks, network.networks, len(rows))
            loaders = (
                CombinedLoader(batches, "max_size_cycle"),
                CombinedLoader(RowBatches(rows=held_out, batch_size=_BLOCK), "sequential"),
            )
        with one_thread():
            try:
                trainer.fit(AutoencoderModule(network, settings), *loaders)
            except SystemExit as leaving:
                # Lightning makes sys.exit(1) of Ctrl-C, which would hide it from whoever called us.
                if isinstance(leaving.__context__, KeyboardInterrupt):
                    raise leaving.__context__ from None
                raise
    network.cpu()


def _trainer(
    settings: TrainingSettings, callbacks: list[pl.Callback], networks: int, rows: int
) -> pl.Trainer:
    return pl.Trainer(
        accelerator=settings.accelerator,
        devices=1,  # "auto" would start a process per GPU
        plugins=[LightningEnvironment()],  # inside Slurm too, and without its signal handlers
        max_epochs=settings.epochs(rows),
        callbacks=callbacks,
        # One wild row must not throw the weights away; the norm of all networks grows by the root.
        gradient_clip_val=math.sqrt(networks),
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
