"""Has the traffic changed since training? Our own verdict, and Evidently's report.

The only file that imports Evidently. Why the verdict is not Evidently's own stands in
``docs/decisions/0003-drift-verdict.md``.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.errors import DataError
from oddwire.operations.drift.columns import (
    SCORE,
    CodedColumn,
    checked_side,
    code_categories,
    code_numbers,
    code_scores,
    thin,
    times_of,
)
from oddwire.operations.drift.statistics import Sides, compare, moved_share, thresholds
from oddwire.operations.drift.verdict import (
    ColumnDrift,
    ColumnKind,
    DriftCheck,
    harmless,
    harmless_sides,
    ranked,
    verdict_sentence,
)
from oddwire.params import DriftSettings
from oddwire.traffic.schema import FeatureSchema

# Attacks move columns too, and are no drift: as many connections as stand out by their scores are
# left out, within limits, and a threshold leaves room for the least share that hides among others,
# or for a typical number where there are no scores.
ROOM, LEAST_ROOM, MOST_ROOM = 0.05, 0.02, 0.1
FAR = 0.1  # a column that moves so many connections beyond its threshold is drift alone
STANDS_OUT = 0.99  # quantile of the reference's scores beyond which a connection stands out
REFERENCE_ROWS = 50_000  # more teach nothing about what is normal
REPORT_COLUMNS = 100  # the most drifted ones: the report grows with each
CODES: Mapping[ColumnKind, Callable[[pd.Series, pd.Series], CodedColumn]] = {
    "numeric": code_numbers, "categorical": code_categories, "score": code_scores,
}  # fmt: skip
# Nothing may be fetched by the page, whatever a value or the tool's script says.
PAGE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "font-src data:; img-src data: blob:; form-action 'none'; base-uri 'none'"
)


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
        Sample size, false-alarm rate, share of columns that makes the verdict.
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
    before = checked_side(reference, schema, reference_scores, side="reference")
    now = checked_side(current, schema, current_scores, side="current")
    before = thin(before, REFERENCE_ROWS, rng)
    times = times_of(before, now)  # of all current rows: they say which hours the window has
    now = thin(now, settings.sample_rows, rng)
    left_out = _may_be_attacks(before, now)
    kinds: dict[str, ColumnKind] = dict.fromkeys(schema.numeric, "numeric")
    kinds |= dict.fromkeys(schema.categorical, "categorical")
    kinds |= {SCORE: "score"} if reference_scores is not None else {}
    coded = {name: CODES[kind](before[name], now[name]) for name, kind in kinds.items()}
    sides = Sides(
        np.column_stack([column.reference for column in coded.values()]),
        np.column_stack([
            column.current if kinds[name] == "score" else np.where(left_out, -1, column.current)
            for name, column in coded.items()
        ]),
        np.array([kind != "categorical" for kind in kinds.values()]),
        *times,
    )  # fmt: skip
    room = _room_for_attacks(reference_scores, current_scores)
    room = np.array([room[kind == "score"] for kind in kinds.values()])
    return _verdict_on(coded, kinds, sides, settings=settings, rng=rng, room=room)


def _may_be_attacks(before: pd.DataFrame, now: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which current rows stand out by their scores.

    More than `MOST_ROOM` that stand out are not believed to be attacks alone: the oddest are.
    """
    if SCORE not in now:
        return np.zeros(len(now), dtype=np.bool_)
    scores = now[SCORE].to_numpy(dtype=np.float64)
    limit = max(before[SCORE].quantile(STANDS_OUT), np.quantile(scores, 1 - MOST_ROOM))
    return np.asarray(scores > limit, dtype=np.bool_)


def _room_for_attacks(
    reference: NDArray[np.float64] | None, current: NDArray[np.float64] | None
) -> tuple[float, float]:
    """Return how many connections, as a share, attacks may have moved without any drift.

    Traffic of which a share e was replaced lies at most e further from the reference, in both
    statistics. Those that stand out are left out of all columns but the score itself.

    Returns the room of the other columns, and of the score.
    """
    if reference is None or current is None:
        return ROOM, ROOM
    beyond = np.asarray(current) > np.nanquantile(reference, STANDS_OUT)
    share = float(beyond.mean()) - (1 - STANDS_OUT)
    return LEAST_ROOM, min(max(share, 0) + LEAST_ROOM, MOST_ROOM)


def _verdict_on(
    coded: Mapping[str, CodedColumn],
    kinds: Mapping[str, ColumnKind],
    sides: Sides,
    *,
    settings: DriftSettings,
    rng: np.random.Generator,
    room: NDArray[np.float64],
) -> DriftCheck:
    chosen, null = compare(sides, rows=settings.sample_rows, rng=rng)
    normal = thresholds(
        null,
        false_alarm_rate=settings.false_alarm_rate,
        columns_needed=math.ceil(settings.min_share_of_columns * len(kinds)),
        decisive=list(kinds).index(SCORE) if SCORE in kinds else None,
    )
    limits = (normal + room).clip(max=1)
    moved = moved_share(sides.reference[chosen], sides.current, sides.ordered)
    columns = tuple(
        ColumnDrift(name, float(statistic), float(limit), bool(statistic >= limit), kind)
        for (name, kind), statistic, limit in zip(kinds.items(), moved, limits, strict=True)
    )
    share = sum(one.drifted for one in columns) / len(columns)
    alone = any(one.drifted and (one.kind == "score" or one.excess >= FAR) for one in columns)
    drifted = alone or share >= settings.min_share_of_columns
    return DriftCheck(
        drifted=drifted,
        verdict=verdict_sentence(columns, drifted=drifted),
        columns=columns,
        share=share,
        min_share=settings.min_share_of_columns,
        reference_rows=len(chosen),
        current_rows=len(sides.current),
        method=null.method,
        reference=pd.DataFrame({n: c.decode(c.reference[chosen]) for n, c in coded.items()}),
        current=pd.DataFrame({n: c.decode(c.current) for n, c in coded.items()}),
    )


def save_report(check: DriftCheck, folder: Path) -> dict[str, Path]:
    """Write Evidently's report of a check, with the same statistics and thresholds.

    Tables wider than `REPORT_COLUMNS` show their most drifted columns. Names and categories come
    from the wire and from files, so an attacker may have chosen them: whatever a page could take
    for markup is replaced by a look-alike.

    Returns
    -------
    dict
        ``html`` and ``json``: the paths of ``drift.html`` and ``drift.json``.
    """
    evidently = _evidently()
    shown = ranked(check.columns)[:REPORT_COLUMNS]
    columns = [one.column for one in shown]
    names = dict(zip(columns, harmless(columns), strict=True))
    definition = evidently.DataDefinition(
        numerical_columns=[names[one.column] for one in shown if one.kind != "categorical"],
        categorical_columns=[names[one.column] for one in shown if one.kind == "categorical"],
    )
    current, reference = (
        evidently.Dataset.from_pandas(side, data_definition=definition)
        for side in harmless_sides(check, names)
    )
    ordered, unordered = _register_statistics()
    preset = evidently.presets.DataDriftPreset(
        columns=list(names.values()),
        drift_share=check.min_share,
        num_method=ordered,
        cat_method=unordered,
        per_column_threshold={names[one.column]: one.threshold for one in shown},
        include_tests=False,
    )
    with np.errstate(invalid="ignore", divide="ignore"):  # it correlates constant columns too
        run = evidently.Report([preset]).run(current, reference)
    paths = {"html": folder / "drift.html", "json": folder / "drift.json"}
    folder.mkdir(parents=True, exist_ok=True)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{PAGE_POLICY}">'
    page = run.get_html_str(as_iframe=False).replace("<head>", f"<head>{policy}", 1)
    paths["html"].write_text(page, encoding="utf-8")
    paths["json"].write_text(run.json(), encoding="utf-8")
    return paths


def _evidently() -> Any:
    """Import Evidently quietly: it takes seconds, and warns of its own use of old NumPy names."""
    os.environ.setdefault("DO_NOT_TRACK", "1")  # it looks for this when it is imported
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import evidently
        import evidently.presets
    return evidently


def _register_statistics() -> tuple[str, str]:
    """Teach Evidently our two statistics, so that its figures and flags are ours."""
    from evidently.legacy.calculations.stattests import StatTest, register_stattest
    from evidently.legacy.core import ColumnType

    def moved(ordered: bool) -> Any:
        def statistic(
            reference: pd.Series, current: pd.Series, _: ColumnType, threshold: float
        ) -> tuple[float, bool]:
            codes = pd.factorize(pd.concat([reference, current]), sort=ordered)[0].astype(np.int64)
            sides = codes[: len(reference), None], codes[len(reference) :, None]
            share = float(moved_share(*sides, np.array([ordered]))[0])
            return share, share >= threshold

        return statistic

    for name, title, kind in (
        ("moved_ks", "share moved (Kolmogorov-Smirnov distance)", ColumnType.Numerical),
        ("moved_tv", "share moved (total variation distance)", ColumnType.Categorical),
    ):
        test = StatTest(name=name, display_name=title, allowed_feature_types=[kind])
        register_stattest(test, moved(ordered=kind is ColumnType.Numerical))
    return "moved_ks", "moved_tv"
