"""``search:``, the limits of a study."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from oddwire.params.base import Settings

DetectorName = Literal[
    "isolation_forest", "one_class_svm", "autoencoder", "kmeans", "kmeans_autoencoder",
    "nearest_neighbours", "local_outlier_factor", "ensemble",
]  # fmt: skip


class SearchSettings(Settings):
    """Limits of a study, each per detector."""

    detectors: tuple[DetectorName, ...] = ("isolation_forest", "one_class_svm", "autoencoder")
    trials: int = Field(20, ge=0, le=100_000)
    timeout: float = Field(1800, gt=0)
    feature_selection: Literal["none", "mutual_information", "permutation"] = "none"
