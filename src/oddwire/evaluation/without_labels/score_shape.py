"""Criteria of a detector without labels, from the shape of its scores alone.

A good score is high in little space and low where the rows lie. The space is a box around the rows,
in which uniform rows are drawn: numbers evenly along their signed logarithm, in which counters are
spread, categories evenly. Since the box is that of the frame and not of a preprocessing, detectors
behind different transforms are compared in one space.

A box of many columns is empty but for a corner, so the criteria are taken over few columns at a
time, for which the detector is fitted anew, and averaged (Goix 2016, *How to evaluate the quality
of unsupervised anomaly detection algorithms?*, section 4).

Alone they are weak, but they know something that synthetic anomalies do not: so a search without labels counts
`Shape.compactness` as one more kind of synthetic anomaly. ``benchmarks/label_free.py`` has the figures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from oddwire.errors import DataError, ParameterError
from oddwire.evaluation.metrics import Floats, check_scores
from oddwire.traffic.schema import FeatureSchema

Score = Callable[[pd.DataFrame], Floats]

_MASS = 0.9  # the excess-mass curve counts down to this mass, the mass-volume curve from it on
_STEEPEST = 100.0  # the excess-mass curve is cut here, for scores that no uniform row reaches
_STEPS = 2001


class Shape(NamedTuple):
    """What the scores' shape says, both against a box of volume 1.

    Parameters
    ----------
    excess_mass
        Area under the excess-mass curve, higher is better.
    mass_volume
        Area under the mass-volume curve, from 0 to .1, lower is better.
    """

    excess_mass: float
    mass_volume: float

    @property
    def compactness(self) -> float:
        """Share of the box that the oddest tenth of the rows need not hold, from 0 to 1."""
        return 1 - self.mass_volume / (1 - _MASS)


def excess_mass(scores: Floats, uniform: Floats) -> float:
    """Return the area under the excess-mass curve, where it is at most .9.

    ``EM(t)`` is the most that a set of least odd rows can hold of the rows, less t times its share
    of the box.

    Parameters
    ----------
    scores, uniform
        Anomaly scores of rows and of uniform rows, shape (n,) and (m,).

    Raises
    ------
    DataError
        If there is no score, or one that is not finite.
    """
    mass, volume = _shares(scores, uniform)
    steps = np.linspace(0.0, _STEEPEST, _STEPS)
    curve = np.max(mass - steps[:, None] * volume, axis=1, initial=0.0)
    end = int(np.argmax(curve <= _MASS)) if (curve <= _MASS).any() else _STEPS - 1
    return float(np.trapezoid(curve[: end + 1], steps[: end + 1]))


def mass_volume(scores: Floats, uniform: Floats) -> float:
    """Return the area under the mass-volume curve, from a mass of .9 on.

    ``MV(a)`` is the share of the box that is needed to hold the share a of the rows.

    Parameters
    ----------
    scores, uniform
        Anomaly scores of rows and of uniform rows, shape (n,) and (m,).

    Raises
    ------
    DataError
        If there is no score, or one that is not finite.
    """
    mass, volume = _shares(scores, uniform)
    wanted = np.linspace(_MASS, 1.0, _STEPS)
    # A mass that holds up to rounding holds.
    needed = volume[np.searchsorted(mass, wanted - 1e-12)]
    return float(np.trapezoid(needed, wanted))


def shape_over_subsets(
    fit: Callable[[FeatureSchema], Score],
    rows: pd.DataFrame,
    schema: FeatureSchema,
    *,
    seed: int,
    subsets: int = 10,
    columns: int = 5,
    draws: int = 5000,
) -> Shape:
    """Average the criteria over random sets of few columns.

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
    subsets, columns
        How many sets, of how many columns at most.
    draws
        Uniform rows.

    Raises
    ------
    DataError
        If no column varies, or a score is not finite.
    """
    found = []
    for number, chosen in enumerate(column_subsets(rows, schema, subsets, columns, seed=seed)):
        score = fit(chosen)
        kept = rows[list(chosen.columns)]
        uniform = uniform_rows(kept, chosen, draws, seed=seed + number)
        odd, ordinary = score(uniform), score(kept)
        found.append((excess_mass(ordinary, odd), mass_volume(ordinary, odd)))
    return Shape(*np.mean(found, axis=0).tolist())


def column_subsets(
    rows: pd.DataFrame, schema: FeatureSchema, subsets: int, columns: int, *, seed: int
) -> list[FeatureSchema]:
    """Choose sets of columns at random, among those that vary.

    Parameters
    ----------
    rows
        A frame with the schema's columns.
    schema
        The feature columns.
    subsets, columns
        How many sets, of how many columns at most.
    seed
        The same seed chooses the same sets.

    Raises
    ------
    DataError
        If no column varies.
    ParameterError
        If fewer than one set or column is asked for.
    """
    if subsets < 1 or columns < 1:
        raise ParameterError(f"at least one set of one column is needed, got {subsets}, {columns}")
    varying = varying_columns(rows, schema)
    if not varying:
        raise DataError("criteria without labels need a column that varies, got none")
    random = np.random.default_rng(seed)
    found = []
    for _ in range(subsets):
        chosen = set(random.choice(varying, size=min(columns, len(varying)), replace=False))
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


def _shares(scores: Floats, uniform: Floats) -> tuple[Floats, Floats]:
    """Return the shares of rows and of the box that each set of least odd rows holds, rising."""
    ordinary, box = check_scores(scores), check_scores(uniform)
    if not ordinary.size or not box.size:
        raise DataError("criteria without labels need scores of rows and of a box, got none")
    levels = np.unique(ordinary)
    mass = np.searchsorted(np.sort(ordinary), levels, side="right") / ordinary.size
    volume = np.searchsorted(np.sort(box), levels, side="right") / box.size
    return mass, volume
