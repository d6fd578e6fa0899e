"""What a drift check found, as values and in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from oddwire.percent import percent

BLIND = 0.5  # from such a threshold on, half of the connections might change unnoticed
NAMED = 3  # columns that the sentence names
WORD_LENGTH = 60  # characters of a name or category that the report shows
# What a page could take for markup, and look-alikes without a meaning there.
_LOOK_ALIKES = str.maketrans("<>&\"'`\\", "\u2039\u203a\uff06\u2033\u2032\u2035\u29f5")

ColumnKind = Literal["numeric", "categorical", "score"]


@dataclass(frozen=True)
class ColumnDrift:
    """How one column moved.

    Parameters
    ----------
    statistic
        Share of connections that moved, 0 to 1: the Kolmogorov-Smirnov distance of numbers, the
        total variation distance of categories.
    threshold
        The share from which on it counts as drifted.
    drifted
        Whether ``statistic >= threshold``.
    """

    column: str
    statistic: float
    threshold: float
    drifted: bool
    kind: ColumnKind

    @property
    def excess(self) -> float:
        """How far it moved beyond its threshold."""
        return self.statistic - self.threshold


@dataclass(frozen=True)
class DriftCheck:
    """The verdict on current traffic against the reference.

    Parameters
    ----------
    drifted
        Whether enough columns drifted, the anomaly score did, or one column moved far beyond.
    columns
        Every column, in the order of the schema, the anomaly score last.
    share
        Share of drifted columns.
    min_share
        The share that makes the verdict.
    method
        What the thresholds were calibrated on.
    reference, current
        The rows compared, log-scaled, for the report.
    """

    drifted: bool
    verdict: str
    columns: tuple[ColumnDrift, ...]
    share: float
    min_share: float
    reference_rows: int
    current_rows: int
    method: str
    reference: pd.DataFrame = field(repr=False, compare=False, default_factory=pd.DataFrame)
    current: pd.DataFrame = field(repr=False, compare=False, default_factory=pd.DataFrame)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> DriftCheck:
        """Read back what `to_dict` wrote; the rows compared are not part of it."""
        columns = tuple(ColumnDrift(**column) for column in content["columns"])
        return cls(**{**content, "columns": columns})

    @property
    def drifted_columns(self) -> int:
        """How many columns reach their threshold."""
        return sum(one.drifted for one in self.columns)

    @property
    def score_distance(self) -> float | None:
        """How far the anomaly score moved; None where it was not compared."""
        return next((one.statistic for one in self.columns if one.kind == "score"), None)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        names = ("drifted", "verdict", "share", "min_share", "reference_rows", "current_rows")
        plain = {name: getattr(self, name) for name in (*names, "method")}
        return plain | {"columns": self.to_frame().to_dict(orient="records")}

    def to_frame(self) -> pd.DataFrame:
        """Return a row per column, the most drifted first."""
        names = ("column", "kind", "statistic", "threshold", "drifted")
        return pd.DataFrame(
            [{name: getattr(one, name) for name in names} for one in ranked(self.columns)]
        )


def measure(column: ColumnDrift) -> str:
    """Return the standard name of the distance by which a column is measured."""
    return "total variation" if column.kind == "categorical" else "Kolmogorov-Smirnov"


def ranked(columns: Sequence[ColumnDrift]) -> list[ColumnDrift]:
    """Return the columns, the most drifted first."""
    return sorted(columns, key=lambda one: -one.excess)


def verdict_sentence(columns: Sequence[ColumnDrift], *, drifted: bool) -> str:
    """Return the verdict as one sentence that names the most drifted columns."""
    moved = [one for one in ranked(columns) if one.drifted]
    blind = [one for one in columns if one.threshold >= BLIND]
    if not moved and len(blind) > len(columns) / 2:
        least = min(one.threshold for one in columns)
        return (
            "No drift could be shown: the reference is too short or too uneven to tell what is "
            f"normal, so that even {percent(least)} of the connections might move by chance; "
            "train on more days."
        )
    return f"{_finding(columns, moved, drifted=drifted)}{_not_seen(blind, len(columns))}"


def _finding(columns: Sequence[ColumnDrift], moved: Sequence[ColumnDrift], *, drifted: bool) -> str:
    if not moved:
        return f"No drift: none of {len(columns)} columns exceeds its threshold."
    count = f"{len(moved)} of {len(columns)} columns exceed their threshold"
    most = "; ".join(
        f"{harmless([one.column])[0]} ({percent(one.statistic)} of the connections moved, "
        f"threshold {percent(one.threshold)})"
        for one in moved[:NAMED]
    )
    if not drifted:
        return f"No drift: only {count}, most of all {most}."
    score = any(one.kind == "score" for one in moved)
    why = f"{count}{', the anomaly score among them' if score else ''}"
    return f"Drift: {why}, most of all {most}."


def _not_seen(blind: Sequence[ColumnDrift], columns: int) -> str:
    """Return a sentence on the columns whose thresholds are too wide to say anything."""
    if not blind:
        return ""
    if len(blind) == 1:
        which = "the anomaly score" if blind[0].kind == "score" else harmless([blind[0].column])[0]
    else:
        score = any(one.kind == "score" for one in blind)
        which = f"{len(blind)} of {columns} columns{', the anomaly score among them,' * score}"
    return (
        f" Of {which} nothing can be said: even {percent(BLIND)} of the connections might move by "
        "chance; train on more days."
    )


def harmless(words: Iterable[str]) -> list[str]:
    """Return words that no page takes for markup, still told apart from one another.

    Names and categories come from the wire and from files: an attacker may have chosen them.
    """
    safe: dict[str, None] = {}
    for word in words:
        plain = "".join(letter if letter.isprintable() else "?" for letter in word[:WORD_LENGTH])
        text = plain = plain.translate(_LOOK_ALIKES)
        number = 1
        while text in safe:
            number += 1
            text = f"{plain} ({number})"
        safe[text] = None
    return list(safe)
