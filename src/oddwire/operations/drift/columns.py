"""Columns of any kind as small numbers, one number a value, the same on both sides.

Codes make the statistics cheap on wide tables. The report draws the values that they stand for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.errors import DataError
from oddwire.operations.drift.statistics import MIN_ROWS, spread
from oddwire.traffic.schema import TIME, FeatureSchema, known_at

SCORE = "anomaly_score"
LEVELS = 1000  # values told apart in a numeric column: what is lost is under 0.1 % of the rows
CATEGORIES = 30  # kept in a categorical column; rarer ones count as one
MISSING, OTHER, UNSEEN = "(missing)", "(other)", "(unseen before)"


@dataclass(frozen=True)
class CodedColumn:
    """One column of both sides.

    Parameters
    ----------
    reference, current
        Code of each row, shapes (rows,), int64.
    values
        What each code stands for: NaN for missing, then log-scaled numbers, ascending; or
        strings.
    """

    reference: NDArray[np.int64]
    current: NDArray[np.int64]
    values: NDArray[np.float64] | NDArray[np.object_]

    def decode(self, codes: NDArray[np.int64]) -> NDArray[np.float64] | NDArray[np.object_]:
        """Return what codes stand for."""
        return self.values[codes]


def checked_side(
    frame: pd.DataFrame,
    schema: FeatureSchema,
    scores: NDArray[np.float64] | None,
    *,
    side: str,
    zone: str | None = None,
) -> pd.DataFrame:
    """Return the columns to compare, in the order of a zone's clock, the anomaly score among them.

    The column `TIME` says when each row was known.

    Raises
    ------
    DataError
        If there are too few rows, a column is missing, or scores do not fit.
    """
    if len(frame) < MIN_ROWS:
        raise DataError(f"the {side} rows must be at least {MIN_ROWS} to compare, got {len(frame)}")
    lacking = [name for name in schema.columns if name not in frame]
    if lacking:
        raise DataError(f"the {side} rows must have the column {lacking[0]!r:.80}, it is missing")
    kept = frame[list(schema.columns)]
    if (time := known_at(frame)) is not None:
        kept = kept.assign(**{TIME: frame[time]})
    if scores is not None:
        if SCORE in schema.columns:
            raise DataError(f"a feature column must not be called {SCORE!r}: drop or rename it")
        if len(scores) != len(frame):
            raise DataError(f"the {side} has {len(frame)} rows but {len(scores)} anomaly scores")
        kept = kept.assign(**{SCORE: np.asarray(scores, dtype=np.float64)})
    if TIME not in kept:
        return kept
    if zone is not None:
        local = pd.to_datetime(kept[TIME], utc=True).dt.tz_convert(zone).dt.tz_localize(None)
        kept = kept.assign(**{TIME: local})
    return kept.sort_values(TIME, kind="stable")


def times_of(*sides: pd.DataFrame) -> list[NDArray[np.int64] | None]:
    """Return microseconds since the epoch for each side, or None where rows have no time."""
    if any(TIME not in side or side[TIME].isna().any() for side in sides):
        return [None for _ in sides]
    utc = (pd.to_datetime(side[TIME], utc=True).astype("datetime64[us, UTC]") for side in sides)
    return [np.asarray(times.astype(np.int64), dtype=np.int64) for times in utc]


def thin(side: pd.DataFrame, rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return an even sample of the rows, in their order."""
    if len(side) <= rows:
        return side
    return side.iloc[spread(np.ones(len(side)), rows, rng)]


def code_numbers(reference: pd.Series, current: pd.Series) -> CodedColumn:
    """Code numbers by their place among the signed logarithms of both sides.

    Missing is a value of its own, below all others, so that a sensor that falls silent moves the
    distribution; infinite values count as the largest and smallest.

    Raises
    ------
    DataError
        If a value is no number.
    """
    sides = [_signed_log(side) for side in (reference, current)]
    known = np.concatenate([side[np.isfinite(side)] for side in sides])
    if not len(known):
        known = np.zeros(1)
    # "lower" picks values that occur, so that a column of few values keeps each of them.
    levels = np.unique(known)
    if len(levels) > LEVELS:
        levels = np.unique(np.quantile(known, np.linspace(0, 1, LEVELS), method="lower"))
    codes = [_place(side, levels) for side in sides]
    return CodedColumn(codes[0], codes[1], np.concatenate([[np.nan], levels]))


def _signed_log(side: pd.Series) -> NDArray[np.float64]:
    try:
        values = side.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(f"column {str(side.name)!r:.80} must hold numbers: {error}") from None
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)), dtype=np.float64)


def _place(side: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.int64]:
    places = np.searchsorted(levels, side, side="right").clip(1)
    return np.where(np.isnan(side), 0, places).astype(np.int64)


def code_categories(reference: pd.Series, current: pd.Series) -> CodedColumn:
    """Code strings; rare ones count as one, and so do those that the reference never had."""
    sides = [_words(side) for side in (reference, current)]
    known = pd.Series(sides[0]).value_counts()  # stable: equal counts stay in order of appearance
    kept = [str(word) for word in known.index[:CATEGORIES]]
    code_of = {str(word): min(place, len(kept)) for place, word in enumerate(known.index)}
    unseen = len(kept) + 1
    codes = [
        np.asarray(pd.Series(side).map(code_of).fillna(unseen), dtype=np.int64) for side in sides
    ]
    return CodedColumn(codes[0], codes[1], np.array([*kept, OTHER, UNSEEN], dtype=object))


def _words(side: pd.Series) -> NDArray[np.object_]:
    words = side.astype(object)
    return words.where(words.notna(), MISSING).astype(str).to_numpy(dtype=object)
