"""Synthetic anomalies, for searches without labels: rows made anomalous on purpose.

Where validation rows hold no attack, or no label, average precision is undefined. Average precision
of synthetic anomalies against the rows that they were made from needs no label. They are made in
the columns as they came, before any preprocessing, so that detectors behind different transforms
face the same rows.

Telling rows from synthetic ones is density estimation as classification (Hastie, Tibshirani &
Friedman 2009, section 14.2.4; Steinwart, Hush & Scovel 2005, *A classification framework for
anomaly detection*).

There are three kinds:

``synthetic_swapped``
    A random 5 to 30 % of the columns, at least one, each take the value of another row: every
    value is ordinary, their combination is not. Attacks mostly look like that.
``synthetic_category``
    One categorical column takes a category that no row has, or one drawn evenly from all there
    are, so mostly a rare one.
``synthetic_tail``
    Some numeric columns go beyond their largest value. Used only in tables of fewer than
    ``FEW_COLUMNS`` columns, where there is little dependence to break: in wider ones this kind
    ranks transforms by how far they stretch their tail, and picked badly.

The rank correlation with labelled average precision is in
``docs/decisions/0005-search-objective.md``: good on some sources, none on NSL-KDD, whose floods and
scans move many columns at once. A few labelled attacks are a better criterion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from oddwire.errors import DataError, ParameterError
from oddwire.evaluation.metrics import Bools, Floats, known_labels
from oddwire.traffic.schema import ATTACK, LABEL, FeatureSchema

if TYPE_CHECKING:
    from collections.abc import Callable

SWAPPED, CATEGORY, TAIL = "synthetic_swapped", "synthetic_category", "synthetic_tail"
UNSEEN = "synthetic:unseen"
FEW_COLUMNS = 4
_SWAPPED_SHARE = (0.05, 0.3)


def make_synthetic_anomalies(
    rows: pd.DataFrame, schema: FeatureSchema, *, seed: int, share: float = 0.2
) -> pd.DataFrame:
    """Make anomalous rows out of ordinary ones.

    Parameters
    ----------
    rows
        Validation rows with the schema's columns; those labelled as attacks are not used.
    schema
        Which columns are features.
    seed
        The same rows and seed give the same synthetic anomalies.
    share
        Synthetic anomalies per row, over 0; there is at least one of each kind.

    Returns
    -------
    DataFrame
        The schema's columns with the types they had in ``rows``, ``label`` 1, and the kind of
        synthetic anomaly in ``attack``.

    Raises
    ------
    DataError
        If no row is left to make them from, or a column is missing.
    ParameterError
        If the share is not over 0.
    """
    if not share > 0:
        raise ParameterError(f"the share of synthetic anomalies must be over 0, got {share}")
    missing = [name for name in schema.columns if name not in rows]
    if missing:
        raise DataError(f"synthetic anomalies need the column {missing[0]!r}, which the rows lack")
    ordinary = _ordinary(rows)[list(schema.columns)]
    makers = _makers(schema)
    rng = np.random.default_rng(seed)
    count = max(1, round(share * len(ordinary) / len(makers)))
    made = []
    for kind, maker in makers.items():
        base = rng.integers(len(ordinary), size=count)
        rows_of_kind = maker(ordinary, schema, base, rng)
        rows_of_kind[LABEL], rows_of_kind[ATTACK] = 1, kind
        made.append(rows_of_kind)
    return pd.concat(made, ignore_index=True).astype({LABEL: "Int8"})


def _ordinary(rows: pd.DataFrame) -> pd.DataFrame:
    kept = rows
    if LABEL in rows:
        known, attack = known_labels(rows[LABEL], len(rows))
        is_attack = known.copy()
        is_attack[known] = attack
        kept = rows[~is_attack]
    if kept.empty:
        raise DataError(
            f"synthetic anomalies need rows that are not attacks, got none among {len(rows)} rows"
        )
    return kept


def _makers(schema: FeatureSchema) -> dict[str, Callable[..., pd.DataFrame]]:
    makers: dict[str, Callable[..., pd.DataFrame]] = {}
    if len(schema.columns) > 1:
        makers[SWAPPED] = _swapped
    if schema.categorical:
        makers[CATEGORY] = _category
    if schema.numeric and len(schema.columns) < FEW_COLUMNS:
        makers[TAIL] = _tail
    return makers


def _some(rows: int, columns: int, share: Floats, rng: np.random.Generator) -> Bools:
    """Pick columns per row with the row's chance each, and always at least one."""
    picked: Bools = rng.random((rows, columns)) < share[:, None]
    picked[np.arange(rows), rng.integers(columns, size=rows)] = True
    return picked


def _swapped(
    rows: pd.DataFrame, schema: FeatureSchema, base: Any, rng: np.random.Generator
) -> pd.DataFrame:
    count, columns = len(base), schema.columns
    swap = _some(count, len(columns), rng.uniform(*_SWAPPED_SHARE, size=count), rng)
    made = {}
    for place, name in enumerate(columns):
        donors = rng.integers(len(rows), size=count)
        values = rows[name].take(np.where(swap[:, place], donors, base))
        made[name] = values.reset_index(drop=True)
    return pd.DataFrame(made)


def _category(
    rows: pd.DataFrame, schema: FeatureSchema, base: Any, rng: np.random.Generator
) -> pd.DataFrame:
    made = rows.take(base).reset_index(drop=True)
    column = rng.integers(len(schema.categorical), size=len(base))
    unseen = rng.random(len(base)) < 0.5  # noqa: PLR2004 - as many unseen as rare ones
    for place, name in enumerate(schema.categorical):
        known = rows[name].dropna().unique()
        here = column == place
        new = here & (unseen | (len(known) == 0))
        values = made[name].to_numpy(dtype=object, copy=True)
        values[new] = UNSEEN
        rare = here & ~new
        values[rare] = rng.choice(known, size=int(rare.sum())) if rare.any() else []
        made[name] = values
    return made


def _tail(
    rows: pd.DataFrame, schema: FeatureSchema, base: Any, rng: np.random.Generator
) -> pd.DataFrame:
    made = rows.take(base).reset_index(drop=True)
    count, numeric = len(base), schema.numeric
    push = _some(count, len(numeric), np.full(count, 0.3), rng)
    for place, name in enumerate(numeric):
        values = made[name].to_numpy(dtype=np.float64, copy=True)
        column = rows[name].to_numpy(dtype=np.float64)
        column = column[np.isfinite(column)]
        top, spread = (column.max(), np.ptp(column)) if len(column) else (0.0, 0.0)
        # Steps of the column's own range, a few small and now and then a very long one.
        steps = np.expm1(rng.exponential(0.7, size=count))
        beyond = top + steps * (spread or abs(top) or 1.0)
        made[name] = np.where(push[:, place], beyond, values)
    return made
