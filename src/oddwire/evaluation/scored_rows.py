"""Rows that a detector scored, beside what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from oddwire.traffic.labels import attacks_of, labels_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """What a detector said of rows, and their labels.

    Parameters
    ----------
    labels
        0, 1 or NaN where unknown, shape (n,).
    scores
        Anomaly scores, higher = more anomalous, shape (n,).
    attack
        Attack family, None where benign or unknown, shape (n,).
    p_values
        Conformal p-values, shape (n,); None where there are none.
    """

    labels: NDArray[Any]
    scores: NDArray[Any]
    attack: NDArray[Any]
    p_values: NDArray[Any] | None = None

    @classmethod
    def of(
        cls, rows: pd.DataFrame, scores: NDArray[Any], p_values: NDArray[Any] | None = None
    ) -> Self:
        """Put scores beside the labels and families of a feature frame of n rows."""
        return cls(labels_of(rows), scores, attacks_of(rows), p_values)

    def save(self, file: Path) -> None:
        """Write to a Parquet file."""
        columns = {"label": self.labels, "score": self.scores, "attack": self.attack}
        if self.p_values is not None:
            columns["p_value"] = self.p_values
        pd.DataFrame(columns).to_parquet(file)

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what `save` wrote."""
        frame = pd.read_parquet(file)
        p_values = frame["p_value"].to_numpy() if "p_value" in frame else None
        return cls(
            frame["label"].to_numpy(), frame["score"].to_numpy(), attacks_of(frame), p_values
        )
