"""Rows that a detector scored, beside what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from oddwire.evaluation.uncertainty.clusters import clusters_of
from oddwire.traffic.labels import attacks_of, labels_of, objects_of
from oddwire.traffic.schema import CAMPAIGN
from oddwire.traffic.units import MINUTES, Units, units_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from oddwire.evaluation.metrics import Ints

_SOURCE, _CLOCK, _UNITS = "source", "clock", "units"  # in a file


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
    units
        Whom their alerts are counted with; None where that is not known.
    campaign
        Campaign of each attack row, None where it is not known, shape (n,); None where none is.
    """

    labels: NDArray[Any]
    scores: NDArray[Any]
    attack: NDArray[Any]
    p_values: NDArray[Any] | None = None
    units: Units | None = None
    campaign: NDArray[Any] | None = None

    @classmethod
    def of(
        cls,
        rows: pd.DataFrame,
        scores: NDArray[Any],
        p_values: NDArray[Any] | None = None,
        *,
        minutes: float = MINUTES,
    ) -> Self:
        """Put scores beside what a feature frame of n rows, in known-at order, knows of them.

        Parameters
        ----------
        minutes
            How long a unit is.
        """
        units = units_of(rows, minutes=minutes)
        return cls(labels_of(rows), scores, attacks_of(rows), p_values, units, _campaigns(rows))

    @cached_property
    def clusters(self) -> Ints | None:
        """The cluster of each row, by which intervals are drawn: see `clusters_of`."""
        return clusters_of(self.units, self.labels, self.campaign)

    def save(self, file: Path) -> None:
        """Write to a Parquet file."""
        columns = {"label": self.labels, "score": self.scores, "attack": self.attack}
        if self.p_values is not None:
            columns["p_value"] = self.p_values
        if self.campaign is not None:
            columns[CAMPAIGN] = self.campaign
        if self.units is not None and self.units.clock is not None:
            columns[_CLOCK] = self.units.clock
        frame = pd.DataFrame(columns)
        if self.units is not None:
            codes, names = self.units.sources, self.units.names
            if self.units.kind != "row":
                # A name in its first row alone: one of a megabyte is written once.
                first = np.unique(codes, return_index=True)[1]
                shown = np.full(len(codes), None, dtype=object)
                shown[first] = names[codes[first]]
                frame[_SOURCE], frame[f"{_SOURCE}_name"] = codes, shown
            frame.attrs[_UNITS] = {"minutes": self.units.minutes, "kind": self.units.kind}
        frame.to_parquet(file)

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what `save` wrote."""
        frame = pd.read_parquet(file)
        p_values = frame["p_value"].to_numpy() if "p_value" in frame else None
        labels, scores = frame["label"].to_numpy(), frame["score"].to_numpy()
        return cls(
            labels, scores, attacks_of(frame), p_values, _units(frame), _campaigns(frame)
        )  # fmt: skip


def _campaigns(rows: pd.DataFrame) -> NDArray[np.object_] | None:
    return objects_of(rows[CAMPAIGN]) if CAMPAIGN in rows and rows[CAMPAIGN].notna().any() else None


def _units(frame: pd.DataFrame) -> Units | None:
    kept = frame.attrs.get(_UNITS)
    if kept is None:  # an older file
        return None
    clock = frame[_CLOCK].to_numpy() if _CLOCK in frame else None
    if kept["kind"] == "row":
        sources = np.arange(len(frame))
        names = np.full(len(frame), None, dtype=object)
    else:
        sources = frame[_SOURCE].to_numpy()
        names = np.empty(int(sources.max(initial=-1)) + 1, dtype=object)
        numbers, first = np.unique(sources, return_index=True)
        names[numbers] = frame[f"{_SOURCE}_name"].to_numpy(dtype=object)[first]
    return Units(sources, names, clock, kept["minutes"], kept["kind"])
