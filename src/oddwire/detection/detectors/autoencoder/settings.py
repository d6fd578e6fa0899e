"""What the autoencoder's parameters may be, what a search tries, and the defaults."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

from oddwire.detection.search_space import (
    Choice,
    FloatRange,
    HyperParameters,
    IntRange,
    SearchSpace,
    relative_to,
)

SEARCH_SPACE: SearchSpace = {
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

DEFAULTS: HyperParameters = {
    "preprocessing__transform": "log_standard",
    "preprocessing__relative_to": "group",
    "preprocessing__max_categories": 16,
    "detector__width": 128,
    "detector__latent_size": 6,
    "detector__noise": 0.06,
    "detector__learning_rate": 3e-3,
    "detector__scale_errors": True,
}

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
