"""Figures per attack family: a mean over all attacks hides the family that is missed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from oddwire.errors import DataError
from oddwire.evaluation.metrics import Bools, Floats, Ints, check_scores, known_labels
from oddwire.evaluation.uncertainty.by_clusters import recall_interval

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

UNNAMED = "unnamed"  # attacks whose family is not known
BENIGN = -1  # where families are numbered
FEWEST_OF_A_KIND = 10  # rarer families share a kind: the figure of a single row is chance
_MOST_KINDS = 30


@dataclass(frozen=True, kw_only=True)
class FamilyResult:
    """One attack family.

    ``recall_low`` and ``recall_high`` are the 95 % interval of the recall, by campaigns where these
    are known. ``roc_auc`` is that of the family's rows against all benign rows; None where there is
    no benign row. ``seen`` says whether validation, which chose the detector's hyperparameters,
    held an attack of the family; None where that is not known.
    """

    family: str
    rows: int
    detected: int
    recall: float
    recall_low: float
    recall_high: float
    roc_auc: float | None
    seen: bool | None


@dataclass(frozen=True, kw_only=True)
class FamilyEvaluation:
    """All attack families of the tested rows, the largest first."""

    threshold: float
    benign: int
    families: tuple[FamilyResult, ...]

    def __iter__(self) -> Iterator[FamilyResult]:
        return iter(self.families)

    def __len__(self) -> int:
        return len(self.families)

    def to_frame(self) -> pd.DataFrame:
        """Return a row per family, a column per field of `FamilyResult`."""
        columns = list(FamilyResult.__dataclass_fields__)
        frame = pd.DataFrame([asdict(result) for result in self.families], columns=columns)
        figures = ("recall", "recall_low", "recall_high", "roc_auc")
        return frame.astype(dict.fromkeys(figures, "float64") | {"seen": "object"})

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        families = [asdict(result) for result in self.families]
        return {"threshold": self.threshold, "benign": self.benign, "families": families}


def evaluate_families(
    labels: Any,
    scores: Any,
    attack: Any,
    *,
    threshold: float,
    clusters: Ints | None = None,
    seen: Collection[str] | None = None,
) -> FamilyEvaluation:
    """Measure each attack family on its own.

    Parameters
    ----------
    labels
        0, 1 or missing per row, shape (n,); rows without a label are left out.
    scores
        Finite anomaly scores, higher = more anomalous, shape (n,).
    attack
        The family's name per row, shape (n,); read on attack rows alone. None where the source
        names no families: all attacks then count as one.
    threshold
        Smallest score that counts as an alert.
    clusters
        The number of each row's cluster, shape (n,), for the interval of the recall: rows of a
        campaign are found together (`clusters_of`). None takes every row for independent.
    seen
        Families of the attacks among the validation rows, as `attack_families` gives them; None
        where that is not known.

    Raises
    ------
    DataError
        If a score is not finite, a label is neither 0, 1 nor missing, or the lengths differ.
    """
    scores = check_scores(scores)
    known, is_attack = known_labels(labels, len(scores))
    names = family_names(attack, len(scores))[known][is_attack]
    benign = np.sort(scores[known][~is_attack])
    attacks = scores[known][is_attack]
    codes, families = pd.factorize(names, sort=True)
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(codes, minlength=len(families)))[:-1])
    mine = None if clusters is None else clusters[known][is_attack]
    results = (
        _family_result(
            str(family),
            attacks[part],
            None if mine is None else mine[part],
            benign,
            threshold,
            seen,
        )
        for family, part in zip(families, parts, strict=False)
    )
    ordered = tuple(sorted(results, key=lambda result: (-result.rows, result.family)))
    return FamilyEvaluation(threshold=float(threshold), benign=len(benign), families=ordered)


def attack_families(labels: Any, attack: Any) -> frozenset[str]:
    """Return the families of the rows that are labelled as attacks.

    Parameters
    ----------
    labels, attack
        As of `evaluate_families`.
    """
    rows = len(attack) if labels is None else len(labels)
    known, is_attack = known_labels(labels, rows)
    return frozenset(family_names(attack, rows)[known][is_attack])


def family_names(attack: Any, rows: int) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Return one name per row, missing ones as ``unnamed``.

    Raises
    ------
    DataError
        If there is not one entry per row.
    """
    if attack is None:
        return np.full(rows, UNNAMED, dtype=object)
    if len(attack) != rows:
        raise DataError(f"there must be one family per row, got {len(attack)} for {rows} rows")
    column = pd.Series(np.asarray(attack, dtype=object), dtype=object)
    return column.where(column.notna(), UNNAMED).astype(str).to_numpy(dtype=object)


def kinds_of_attack(labels: Any, attack: Any, rows: int) -> tuple[Bools, Ints]:
    """Number the families of attacks, so that each kind counts the same in a mean.

    Families of fewer than ten rows, and those beyond the 29 largest, are one kind together.

    Parameters
    ----------
    labels, attack
        As of `evaluate_families`.
    rows
        How many rows there are.

    Returns
    -------
    tuple
        ``known`` of shape (rows,): which rows have a label. ``kinds`` of shape (known.sum(),): the
        number of each one's kind from 0 on, the largest first, or `BENIGN`.
    """
    known, is_attack = known_labels(labels, rows)
    kinds = np.full(len(is_attack), BENIGN)
    kinds[is_attack] = _numbered(family_names(attack, rows)[known][is_attack])
    return known, kinds


def _numbered(families: np.ndarray) -> Ints:
    """Number families, the largest first; the rare ones share a number."""
    codes, names = pd.factorize(families)
    counts = np.bincount(codes, minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    large = min(_MOST_KINDS - 1, int((counts >= FEWEST_OF_A_KIND).sum()))
    numbers = np.empty(len(names), dtype=np.int64)
    numbers[order] = np.minimum(np.arange(len(names)), large)
    return numbers[codes]


def _family_result(
    family: str,
    scores: Floats,
    clusters: Ints | None,
    benign: Floats,
    threshold: float,
    seen: Collection[str] | None,
) -> FamilyResult:
    found = scores >= threshold
    detected = int(np.count_nonzero(found))
    low, high = recall_interval(found, clusters)
    return FamilyResult(
        family=family,
        rows=len(scores),
        detected=detected,
        recall=detected / len(scores),
        recall_low=low,
        recall_high=high,
        roc_auc=_auc_against(scores, benign) if len(benign) else None,
        seen=None if seen is None else family in seen,
    )


def _auc_against(scores: Floats, benign: Floats) -> float:
    # Mann-Whitney: the benign rows below each attack, ties counting half; `benign` is sorted once
    # for all families.
    below = np.searchsorted(benign, scores, side="left")
    up_to = np.searchsorted(benign, scores, side="right")
    return float(np.mean(below + up_to) / 2 / len(benign))
