"""``search:``, the limits of a study."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from oddwire.params.base import Settings

DetectorName = Literal[
    "isolation_forest", "one_class_svm", "autoencoder", "kmeans", "kmeans_autoencoder",
    "nearest_neighbours", "local_outlier_factor", "ensemble",
]  # fmt: skip


def _refuse_repeated(detectors: tuple[DetectorName, ...]) -> tuple[DetectorName, ...]:
    if len(set(detectors)) < len(detectors):
        raise PydanticCustomError("repeated", "must name each detector once")
    return detectors


class SearchSettings(Settings):
    """Limits of a study, each per detector."""

    detectors: Annotated[
        tuple[DetectorName, ...], Field(min_length=1), AfterValidator(_refuse_repeated)
    ] = (
        "isolation_forest",
        "one_class_svm",
        "autoencoder",
    )
    trials: int = Field(20, ge=0, le=100_000)
    timeout: float = Field(1800, gt=0)
    feature_selection: Literal["none", "mutual_information", "permutation"] = "none"
