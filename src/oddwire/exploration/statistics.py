"""Counts, and each feature among benign rows, attacks and rows without a label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from oddwire.exploration.sample import class_counts, classes_of, evenly
from oddwire.exploration.single_features import auc_alone
from oddwire.traffic.schema import ATTACK, TIME

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from oddwire.traffic.schema import FeatureSchema

    Vector = NDArray[np.float64]
    Mask = NDArray[np.bool_]

QUANTILES = {
    "min": 0.0, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0
}  # fmt: skip
TOP_CATEGORIES = 10
ALIKE = 0.9  # absolute rank correlation from which two features say the same
MOST_PAIRS = 500
_HUGE = 1e300
_ALIKE_ROWS = 5_000
_ALIKE_COLUMNS = 300  # with more, fewer rows are taken: the work grows with the square of columns


def describe(rows: pd.DataFrame, looked_at: pd.DataFrame, schema: FeatureSchema) -> dict[str, Any]:
    """Return the statistics of a source, fit for JSON.

    Parameters
    ----------
    rows
        All rows, for counts, gaps, repeats and constant features.
    looked_at
        The rows for the statistics of features, from `rows.sample`.
    schema
        The features.

    Returns
    -------
    ``rows``, ``looked_at`` (rows of each class) and ``families`` (rows of each attack family);
    ``first`` and ``last`` where rows have a time; ``repeats`` and ``gaps`` (rows, see the functions
    of these names); ``constant`` (features of one value at most in all rows) and ``empty`` (those
    without any); ``alike`` (pairs of numeric features whose absolute Spearman correlation is
    `ALIKE` or more, the closest first, at most `MOST_PAIRS`); ``numeric`` and ``categorical`` (by
    feature, in the order of the schema). The ``auc`` of a feature stands in `alone.auc_alone`.
    """
    features = looked_at[list(schema.columns)]
    # Parquet reads back a column without any value as one of no type.
    matrix = features[list(schema.numeric)].astype(np.float64)
    classes = classes_of(looked_at)
    alone = auc_alone(looked_at, schema)
    constant = [name for name in schema.columns if _is_constant(features[name], rows[name])]
    return {
        "rows": class_counts(rows),
        "families": {str(name): int(n) for name, n in rows[ATTACK].value_counts().items()},
        **_span(rows),
        "looked_at": class_counts(looked_at),
        "repeats": repeats(rows, schema),
        "gaps": gaps(rows, schema),
        "constant": constant,
        "empty": [name for name in constant if not rows[name].notna().any()],
        "alike": _alike(matrix),
        "numeric": {
            name: _numeric(matrix[name].to_numpy(), classes) | {"auc": alone.get(name)}
            for name in schema.numeric
        },
        "categorical": {
            name: _categorical(features[name], classes) | {"auc": alone.get(name)}
            for name in schema.categorical
        },
    }


def repeats(rows: pd.DataFrame, schema: FeatureSchema) -> dict[str, int]:
    """Count rows whose features stood in an earlier row, and those that also have another label.

    Returns
    -------
    ``repeated``: rows whose features occurred before. ``contradicting``: rows whose very features
    occur both as benign and as an attack, which no model can tell apart.
    """
    # 64-bit hashes bound the memory: two different rows of 1 M share one once in 37 million times.
    floats = rows[list(schema.numeric)].astype(np.float64) + 0.0  # no -0.0 beside 0.0
    values = pd.concat([floats, rows[list(schema.categorical)]], axis=1)
    keys = pd.util.hash_pandas_object(values, index=False).to_numpy()
    classes = classes_of(rows)
    benign, attack = (keys[classes.get(name, slice(0))] for name in ("benign", "attack"))
    in_both = np.intersect1d(benign, attack)
    return {
        "repeated": len(keys) - len(np.unique(keys)),
        "contradicting": int(np.isin(np.concatenate([benign, attack]), in_both).sum()),
    }


def gaps(rows: pd.DataFrame, schema: FeatureSchema) -> dict[str, int]:
    """Count rows with a missing feature, without any feature, and with an infinite one."""
    missing = np.zeros(len(rows), dtype=np.int64)
    infinite = np.zeros(len(rows), dtype=bool)
    for name in schema.columns:
        missing += rows[name].isna().to_numpy()
    for name in schema.numeric:
        infinite |= np.isinf(rows[name].to_numpy(dtype=np.float64, na_value=np.nan))
    return {
        "missing": int((missing > 0).sum()),
        "empty": int((missing == len(schema.columns)).sum()),
        "infinite": int(infinite.sum()),
    }


def most_telling(statistics: dict[str, Any], *, most: int, kind: str = "numeric") -> list[str]:
    """Name the features that separate best alone, or, without attacks, vary most.

    Numeric features that are alike are named once: nine copies of one picture say no more than one.
    """
    features = statistics[kind]
    ranked = sorted(
        (name for name in features if name not in statistics["constant"]),
        key=lambda name: (features[name]["auc"] or 0.0, features[name]["distinct"]),
        reverse=True,
    )
    twins = {frozenset((left, right)) for left, right, _ in statistics["alike"]}
    chosen: list[str] = []
    for name in ranked:
        if len(chosen) == most:
            break
        if not any(frozenset((name, other)) in twins for other in chosen):
            chosen.append(name)
    return chosen


def rank_correlation(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return Spearman's correlation of the features that vary, over pairs of known values.

    Of at most 5,000 rows, and fewer where there are more than 300 features.
    """
    varying = _varying(matrix)
    share = min(1.0, (_ALIKE_COLUMNS / max(1, len(varying))) ** 2)
    few = matrix[varying].iloc[evenly(np.arange(len(matrix)), int(_ALIKE_ROWS * share))]
    # Ranks first: infinite values have a rank, and no mean.
    return few[_varying(few)].rank().corr(min_periods=10)


def _span(rows: pd.DataFrame) -> dict[str, str]:
    if TIME not in rows or not rows[TIME].notna().any():
        return {}
    return {"first": rows[TIME].min().isoformat(), "last": rows[TIME].max().isoformat()}


def _is_constant(few: pd.Series[Any], every: pd.Series[Any]) -> bool:
    return all(len(values.dropna().unique()) <= 1 for values in (few, every))


def _varying(matrix: pd.DataFrame) -> list[str]:
    return [str(name) for name in matrix if _distinct(matrix[name].to_numpy()) > 1]


def _distinct(values: Vector) -> int:
    return len(np.unique(values[~np.isnan(values)]))


def _numeric(values: Vector, classes: dict[str, Mask]) -> dict[str, Any]:
    return _counts(values) | {
        name: _counts(values[chosen]) | _spread(values[chosen]) for name, chosen in classes.items()
    }


def _counts(values: Vector) -> dict[str, int]:
    return {
        "count": int(np.isfinite(values).sum()),
        "missing": int(np.isnan(values).sum()),
        "infinite": int(np.isinf(values).sum()),
        "distinct": _distinct(values),
    }


def _spread(values: Vector) -> dict[str, float]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return {}
    scale = float(np.abs(finite).max()) or 1.0  # squares of large values would leave the range
    parts = finite / scale
    unit = scale if scale > _HUGE else 1.0  # and so would differences of huge ones
    quantiles = np.quantile(finite / unit, list(QUANTILES.values())) * unit
    return dict(zip(QUANTILES, quantiles.tolist(), strict=True)) | {
        "mean": float(parts.mean() * scale),
        "std": float(parts.std() * scale),
        "zero_share": float((finite == 0).mean()),
    }


def _categorical(values: pd.Series[Any], classes: dict[str, Mask]) -> dict[str, Any]:
    def about(column: pd.Series[Any]) -> dict[str, Any]:
        return {
            "count": int(column.notna().sum()),
            "missing": int(column.isna().sum()),
            "distinct": int(column.nunique()),
        }

    def top(column: pd.Series[Any]) -> list[list[Any]]:
        counts = column.value_counts().sort_index().sort_values(ascending=False, kind="stable")
        return [[str(name), int(n)] for name, n in counts.head(TOP_CATEGORIES).items()]

    return about(values) | {
        name: about(values[chosen]) | {"top": top(values[chosen])}
        for name, chosen in classes.items()
    }


def _alike(matrix: pd.DataFrame) -> list[list[Any]]:
    correlation = rank_correlation(matrix)
    names = list(correlation)
    values = np.nan_to_num(np.triu(correlation.to_numpy(copy=True), k=1))
    left, right = np.nonzero(np.abs(values) >= ALIKE)
    closest = np.argsort(-np.abs(values[left, right]), kind="stable")[:MOST_PAIRS]
    return [
        [names[i], names[j], round(float(values[i, j]), 4)]
        for i, j in zip(left[closest].tolist(), right[closest].tolist(), strict=True)
    ]
