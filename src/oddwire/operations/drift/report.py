"""Has the traffic changed since training? The verdict, and why it is not Evidently's.

That stands in ``docs/decisions/0003-drift-verdict.md``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.errors import DataError
from oddwire.operations.drift.calendar import Calendar, learn_calendar
from oddwire.operations.drift.columns import (
    SCORE,
    CodedColumn,
    checked_side,
    code_categories,
    code_numbers,
    thin,
    times_of,
)
from oddwire.operations.drift.statistics import (
    MIN_ROWS,
    Sides,
    compare,
    moved_share,
    thresholds,
)
from oddwire.operations.drift.verdict import (
    ColumnDrift,
    ColumnKind,
    DriftCheck,
    verdict_sentence,
)
from oddwire.params import DriftSettings
from oddwire.traffic.schema import FeatureSchema

# Attacks move columns too, and are no drift: as many connections as stand out by their scores are
# left out, within limits, and a threshold leaves room for the least share that hides among others,
# or for a typical number where there are no scores.
ROOM, LEAST_ROOM, MOST_ROOM = 0.05, 0.02, 0.1
FAR = 0.1  # a column that moves so many connections beyond its threshold is drift alone
REFERENCE_TO_CURRENT = 4  # rows of the reference for each current one: its chance counts less
STANDS_OUT = 0.99  # quantile of the reference's scores beyond which a connection stands out
REFERENCE_ROWS = 50_000  # more teach nothing about what is normal


def check_drift(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    schema: FeatureSchema,
    *,
    settings: DriftSettings,
    seed: int,
    reference_scores: NDArray[np.float64] | None = None,
    current_scores: NDArray[np.float64] | None = None,
) -> DriftCheck:
    """Compare current traffic with the reference.

    Parameters
    ----------
    reference, current
        Feature frames. With the column ``ts`` on both sides, like hours are compared with like.
    settings
        Sample size, false-alarm rate, share of columns that makes the verdict, and the zone
        whose clock the traffic follows.
    seed
        Seeds the samples: the same seed gives the same check.
    reference_scores, current_scores
        Anomaly scores of the rows, shapes (rows,); give both or none. Rows that the model
        was fitted to have none (NaN), or new traffic would look odder than it is.

    Raises
    ------
    DataError
        If a side has too few rows, lacks a column, or holds text in a number column.
    """
    if (reference_scores is None) != (current_scores is None):
        raise DataError("anomaly scores must be given for both sides or for none")
    rng = np.random.default_rng(seed)
    before = checked_side(reference, schema, reference_scores, side="reference", zone=settings.zone)
    now = checked_side(current, schema, current_scores, side="current", zone=settings.zone)
    before = thin(before, REFERENCE_ROWS, rng)
    times = times_of(before, now)  # of all current rows: they say which hours the window has
    now = thin(now, settings.sample_rows, rng)
    kinds: dict[str, ColumnKind] = dict.fromkeys(schema.numeric, "numeric")
    kinds |= dict.fromkeys(schema.categorical, "categorical")
    kinds |= {SCORE: "score"} if reference_scores is not None else {}
    coded = {
        name: (code_categories if kind == "categorical" else code_numbers)(before[name], now[name])
        for name, kind in kinds.items()
    }
    features = [name for name in kinds if name != SCORE]
    calendar = None
    if times[0] is not None:
        calendar = learn_calendar(_codes(coded, features)[0], times[0])
    found = [
        _measure(coded, kinds, part, times, calendar=calendar, settings=settings, rng=rng)
        for part in _parts(before, now, features, current_scores, settings)
    ]
    return _verdict_on(coded, kinds, found, settings=settings)


def _codes(
    coded: Mapping[str, CodedColumn], names: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return (
        np.column_stack([coded[name].reference for name in names]),
        np.column_stack([coded[name].current for name in names]),
    )


@dataclass(frozen=True)
class _Part:
    """Columns that are measured on the same rows.

    Parameters
    ----------
    before, now
        Which rows of each side, shapes (rows,), bool.
    needed
        How many drifted columns of these make the verdict.
    rate
        Their share of the false-alarm rate.
    room
        How many connections, as a share, attacks may have moved without any drift.
    """

    names: Sequence[str]
    before: NDArray[np.bool_]
    now: NDArray[np.bool_]
    needed: int
    rate: float
    room: float


def _parts(
    before: pd.DataFrame,
    now: pd.DataFrame,
    features: Sequence[str],
    scores: NDArray[np.float64] | None,
    settings: DriftSettings,
) -> list[_Part]:
    """Return the features, and the anomaly score apart: not all rows of the reference have one."""
    needed = math.ceil(settings.min_share_of_columns * (len(features) + (scores is not None)))
    needed = min(needed, len(features))
    everywhere = np.ones(len(before), dtype=np.bool_), np.ones(len(now), dtype=np.bool_)
    if scores is None:
        return [_Part(features, *everywhere, needed, settings.false_alarm_rate, ROOM)]
    known = before[SCORE].notna().to_numpy()
    if known.sum() < MIN_ROWS:
        raise DataError(
            f"at least {MIN_ROWS} rows of the reference must have an anomaly score, "
            f"got {known.sum()}"
        )
    limit = float(before[SCORE].quantile(STANDS_OUT))
    # More are not believed to be attacks alone: of them the oddest are left out.
    most = float(now[SCORE].quantile(1 - MOST_ROOM))
    ordinary = (now[SCORE] <= max(limit, most)).to_numpy()
    beyond = float((scores > limit).mean()) - (1 - STANDS_OUT)
    room = min(max(beyond, 0) + LEAST_ROOM, MOST_ROOM)
    rate = settings.false_alarm_rate / 2
    return [
        _Part(features, everywhere[0], ordinary, needed, rate, LEAST_ROOM),
        _Part([SCORE], known, everywhere[1], 1, rate, room),
    ]


@dataclass(frozen=True)
class _Measured:
    """How far columns moved, and how far they may; ``chosen`` are rows of the reference."""

    chosen: NDArray[np.int64]
    moved: NDArray[np.float64]
    limits: NDArray[np.float64]
    method: str


def _measure(
    coded: Mapping[str, CodedColumn],
    kinds: Mapping[str, ColumnKind],
    part: _Part,
    times: Sequence[NDArray[np.int64] | None],
    *,
    calendar: Calendar | None,
    settings: DriftSettings,
    rng: np.random.Generator,
) -> _Measured:
    before, now = _codes(coded, part.names)
    sides = Sides(
        before[part.before],
        now[part.now],
        np.array([kinds[name] != "categorical" for name in part.names]),
        None if times[0] is None else times[0][part.before],
        times[1],
    )
    rows = REFERENCE_TO_CURRENT * settings.sample_rows
    chosen, null = compare(sides, calendar=calendar, rows=rows, rng=rng)
    normal = thresholds(null, false_alarm_rate=part.rate, columns_needed=part.needed)
    return _Measured(
        np.flatnonzero(part.before)[chosen],
        moved_share(sides.reference[chosen], sides.current, sides.ordered),
        (normal + part.room).clip(max=1),
        null.method,
    )


def _verdict_on(
    coded: Mapping[str, CodedColumn],
    kinds: Mapping[str, ColumnKind],
    found: Sequence[_Measured],
    *,
    settings: DriftSettings,
) -> DriftCheck:
    moved, limits = (
        np.concatenate([getattr(one, name) for one in found]) for name in ("moved", "limits")
    )
    columns = tuple(
        ColumnDrift(name, float(statistic), float(limit), bool(statistic >= limit), kind)
        for (name, kind), statistic, limit in zip(kinds.items(), moved, limits, strict=True)
    )
    share = sum(one.drifted for one in columns) / len(columns)
    alone = any(one.drifted and (one.kind == "score" or one.excess >= FAR) for one in columns)
    drifted = alone or share >= settings.min_share_of_columns
    chosen = found[0].chosen
    # Fewer rows have a score: they are repeated, so that the columns of the report are as long.
    rows_of = dict.fromkeys(kinds, chosen) | {SCORE: np.resize(found[-1].chosen, len(chosen))}
    return DriftCheck(
        drifted=drifted,
        verdict=verdict_sentence(columns, drifted=drifted),
        columns=columns,
        share=share,
        min_share=settings.min_share_of_columns,
        reference_rows=len(chosen),
        current_rows=len(next(iter(coded.values())).current),
        method=found[0].method,
        reference=pd.DataFrame({n: c.decode(c.reference[rows_of[n]]) for n, c in coded.items()}),
        current=pd.DataFrame({n: c.decode(c.current) for n, c in coded.items()}),
    )
