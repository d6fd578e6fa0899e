"""A criterion without labels: how little space the scores of a detector call normal.

A good score is high in little space and low where the rows lie. The space is a box around the rows,
in which uniform rows are drawn: numbers evenly along their signed logarithm, in which counters are
spread, categories evenly. Since the box is that of the frame and not of a preprocessing, detectors
behind different transforms are compared in one space.

A box of many columns is empty but for a corner, so the criterion is taken over few columns at a
time, for which the detector is fitted anew, and averaged (Goix 2016, *How to evaluate the quality
of unsupervised anomaly detection algorithms?*, section 4).

Alone it is weak, but it knows something that synthetic anomalies do not: so a search without labels
counts it as one more kind of synthetic anomaly. ``benchmarks/label_free.py`` has the figures.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from oddwire.errors import DataError
from oddwire.evaluation.metrics import Floats, check_scores
from oddwire.traffic.schema import FeatureSchema

Score = Callable[[pd.DataFrame], Floats]

_MASS = 0.9  # the mass-volume curve counts from this mass on
_STEPS = 2001
_SUBSETS, _MOST_COLUMNS = 5, 5  # how many sets of columns, of how many at most
_DRAWS = 3000  # uniform rows


def compactness(scores: Floats, uniform: Floats) -> float:
    """Return the share of the box that the space of the least anomalous rows leaves free.

    ``MV(a)``, the mass-volume curve (Clémençon & Jakubowicz 2013), is the share of the box that
    scores no higher than the share a of the rows. Compactness is the mean of ``1 - MV(a)`` over a
    from .9 to 1.

    Parameters
    ----------
    scores, uniform
        Anomaly scores of rows and of uniform rows, shape (n,) and (m,).

    Returns
    -------
    float
        From 0 to 1, higher = better.

    Raises
    ------
    DataError
        If there is no score, or one that is not finite.
    """
    rows, box = np.sort(check_scores(scores)), np.sort(check_scores(uniform))
    if not rows.size or not box.size:
        raise DataError("compactness needs scores of rows and of a box, got none")
    levels = np.unique(rows)
    mass = np.searchsorted(rows, levels, side="right") / rows.size
    volume = np.searchsorted(box, levels, side="right") / box.size
    wanted = np.linspace(_MASS, 1.0, _STEPS)
    # A mass that holds up to rounding holds.
    needed = volume[np.searchsorted(mass, wanted - 1e-12)]
    return float(1 - np.trapezoid(needed, wanted) / (1 - _MASS))


def compactness_over_subsets(
    fit: Callable[[FeatureSchema], Score], rows: pd.DataFrame, schema: FeatureSchema, *, seed: int
) -> float:
    """Average the compactness over five random sets of few columns.

    Parameters
    ----------
    fit
        Fits the detector to these columns of its training rows, and returns how it scores.
    rows
        Rows that it was not fitted to.
    schema
        The feature columns.
    seed
        Chooses sets and uniform rows.

    Returns
    -------
    float
        From 0 to 1, higher = better.

    Raises
    ------
    DataError
        If no column varies, or a score is not finite.
    """
    found = []
    for number, chosen in enumerate(column_subsets(rows, schema, seed=seed)):
        score = fit(chosen)
        kept = rows[list(chosen.columns)]
        uniform = uniform_rows(kept, chosen, _DRAWS, seed=seed + number)
        found.append(compactness(score(kept), score(uniform)))
    return float(np.mean(found))


def column_subsets(rows: pd.DataFrame, schema: FeatureSchema, *, seed: int) -> list[FeatureSchema]:
    """Choose sets of at most five columns at random, among those that vary.

    Parameters
    ----------
    rows
        A frame with the schema's columns.
    schema
        The feature columns.
    seed
        The same seed chooses the same sets.

    Raises
    ------
    DataError
        If no column varies.
    """
    varying = varying_columns(rows, schema)
    if not varying:
        raise DataError("compactness needs a column that varies, got none")
    random = np.random.default_rng(seed)
    found = []
    for _ in range(_SUBSETS):
        chosen = set(random.choice(varying, size=min(_MOST_COLUMNS, len(varying)), replace=False))
        numeric, categorical = (
            tuple(name for name in part if name in chosen)
            for part in (schema.numeric, schema.categorical)
        )
        found.append(FeatureSchema(numeric, categorical))
    return found


def varying_columns(rows: pd.DataFrame, schema: FeatureSchema) -> list[str]:
    """Return the columns with more than one value."""
    return [name for name in schema.columns if len(rows[name].dropna().unique()) > 1]


def uniform_rows(
    rows: pd.DataFrame, schema: FeatureSchema, count: int, *, seed: int
) -> pd.DataFrame:
    """Draw rows evenly from the box around others.

    Parameters
    ----------
    rows
        Rows with the schema's columns; missing and infinite values are left out.
    schema
        The feature columns.
    count
        How many to draw.
    seed
        The same seed draws the same rows.

    Raises
    ------
    DataError
        If a column has no value.
    """
    random = np.random.default_rng(seed)
    drawn: dict[str, object] = {}
    for name in schema.numeric:
        column = rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
        finite = column[np.isfinite(column)]
        _need_value(name, finite.size)
        bent = np.copysign(np.log1p(np.abs(finite)), finite)
        even = random.uniform(bent.min(), bent.max(), size=count)
        drawn[name] = np.copysign(np.expm1(np.abs(even)), even)
    for name in schema.categorical:
        kinds = rows[name].dropna().unique()
        _need_value(name, len(kinds))
        drawn[name] = np.asarray(kinds, dtype=object)[random.integers(len(kinds), size=count)]
    return pd.DataFrame(drawn)


def _need_value(name: str, values: int) -> None:
    if not values:
        raise DataError(f"a box around rows needs values, and column {name!r} has none")
