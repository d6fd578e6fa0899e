"""Counts, and figures of each feature among benign rows, attacks and rows without a label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.exploration.sample import AllRows, class_counts, classes_of, evenly
from oddwire.exploration.single_features import auc_alone
from oddwire.traffic.schema import ATTACK, FeatureSchema, known_at

QUANTILES = {
    "min": 0.0, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0
}  # fmt: skip
TOP_CATEGORIES = 10
ALIKE = 0.9  # absolute rank correlation from which two features say the same
MOST_PAIRS = 500
_ALIKE_ROWS = 5_000
_ALIKE_COLUMNS = 300  # with more, fewer rows are taken: the work grows with the square of columns


def describe(rows: AllRows, looked_at: pd.DataFrame, schema: FeatureSchema) -> dict[str, Any]:
    """Return the statistics of a source, fit for JSON.

    Parameters
    ----------
    rows
        All rows, for counts, gaps, repeats and constant features.
    looked_at
        The rows for the statistics of features, from `sample.sample`.

    Returns
    -------
    ``rows``, ``looked_at`` (rows of each class) and ``families`` (rows of each attack family);
    ``first`` and ``last`` where rows have a time; ``repeats`` and ``gaps`` (rows, see the functions
    of these names); ``constant`` (features of one value at most in all rows) and ``empty`` (those
    without any); ``alike`` (pairs of numeric features whose absolute Spearman correlation is
    `ALIKE` or more, the closest first, at most `MOST_PAIRS`); ``numeric`` and ``categorical`` (by
    feature, in the order of the schema: over all rows looked at, then by class; a figure that does
    not exist, or is too large for a float, is None). ``auc`` is that of
    `single_features.auc_alone`, None where there is none.
    """
    # Parquet reads back a column without any value as one of no type.
    numbers = looked_at[list(schema.numeric)].astype(np.float64)
    classes = {name: looked_at[chosen] for name, chosen in classes_of(looked_at).items()}
    alone = auc_alone(looked_at, schema)
    by_class = {name: _spread(numbers.loc[of_class.index]) for name, of_class in classes.items()}
    counts = _counts(numbers).to_dict("index")
    suspected = [name for name in schema.columns if _is_constant(looked_at[name])]
    constant = _constant(rows, suspected)
    return {
        "rows": class_counts(rows),
        "families": _families(rows),
        **_span(rows, looked_at),
        "looked_at": class_counts(AllRows.of(looked_at)),
        "repeats": repeats(rows, schema),
        "gaps": gaps(rows, schema),
        "constant": list(constant),
        "empty": [name for name, values in constant.items() if not values],
        "alike": _alike(numbers),
        "numeric": {
            name: counts[name]
            | {kind: figures[name] for kind, figures in by_class.items()}
            | {"auc": alone.get(name)}
            for name in schema.numeric
        },
        "categorical": {
            name: _categories(looked_at[name])
            | {kind: _categories(of_class[name]) for kind, of_class in classes.items()}
            | {"auc": alone.get(name)}
            for name in schema.categorical
        },
    }


def repeats(rows: AllRows, schema: FeatureSchema) -> dict[str, int]:
    """Count rows whose features stood in an earlier row, and those that also have another label.

    Returns
    -------
    ``repeated``: rows whose features occurred before. ``contradicting``: rows whose very features
    occur both as benign and as an attack, which no model can tell apart.
    """
    # 64-bit hashes bound the memory: two different rows of 1 M share one once in 37 million times.
    keys = np.concatenate([_hashes(piece, schema) for piece in rows.read(schema.columns)])
    benign, attack = keys[rows.labels == 0], keys[rows.labels == 1]
    in_both = np.intersect1d(benign, attack)
    return {
        "repeated": len(keys) - len(np.unique(keys)),
        "contradicting": int(np.isin(np.concatenate([benign, attack]), in_both).sum()),
    }


def _hashes(rows: pd.DataFrame, schema: FeatureSchema) -> NDArray[np.uint64]:
    floats = rows[list(schema.numeric)].astype(np.float64) + 0.0  # no -0.0 beside 0.0
    values = pd.concat([floats, rows[list(schema.categorical)]], axis=1)
    return np.asarray(pd.util.hash_pandas_object(values, index=False), dtype=np.uint64)


def gaps(rows: AllRows, schema: FeatureSchema) -> dict[str, int]:
    """Count rows with a missing feature, without any feature, and with an infinite one."""
    counts = {"missing": 0, "empty": 0, "infinite": 0}
    for piece in rows.read(schema.columns):
        missing = piece[list(schema.columns)].isna()
        infinite = np.isinf(piece[list(schema.numeric)].astype(np.float64))
        counts["missing"] += int(missing.any(axis=1).sum())
        counts["empty"] += int(missing.all(axis=1).sum())
        counts["infinite"] += int(infinite.any(axis=1).sum())
    return counts


def ranked(statistics: dict[str, Any], kind: str) -> list[str]:
    """Rank the features that vary: by ROC AUC alone, or, without attacks, by distinct values."""
    features = statistics[kind]
    return sorted(
        features.keys() - set(statistics["constant"]),
        key=lambda name: (-(features[name]["auc"] or 0.0), -features[name]["distinct"], name),
    )


def aucs(statistics: dict[str, Any]) -> dict[str, float]:
    """Return the ROC AUC alone of each feature that has one."""
    features = statistics["numeric"] | statistics["categorical"]
    return {name: about["auc"] for name, about in features.items() if about["auc"] is not None}


def rank_correlation(numbers: pd.DataFrame) -> pd.DataFrame:
    """Return Spearman's correlation of the features that vary, over pairs of known values.

    Of at most 5,000 rows, and fewer where there are more than 300 features.
    """
    share = min(1.0, (_ALIKE_COLUMNS / max(1, numbers.shape[1])) ** 2)
    few = numbers.iloc[evenly(np.arange(len(numbers)), int(_ALIKE_ROWS * share))]
    few = few.drop(columns=[name for name in few if _is_constant(few[name])])
    # Ranks first: infinite values have a rank, and no mean.
    return few.rank().corr(min_periods=10)


def _is_constant(values: pd.Series[Any]) -> bool:
    return len(values.dropna().unique()) <= 1


def _constant(rows: AllRows, suspected: Sequence[str]) -> dict[str, list[Any]]:
    """Return the columns that have one value at most in all rows, and that value."""
    found: dict[str, list[Any]] = {name: [] for name in suspected}
    for piece in rows.read(suspected) if suspected else ():
        for name in list(found):
            values = {*found[name], *piece[name].dropna().unique()}
            if len(values) > 1:
                del found[name]
            else:
                found[name] = list(values)
    return found


def _families(rows: AllRows) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for piece in rows.read([ATTACK]):
        for name, count in piece[ATTACK].value_counts(sort=False).items():
            counts[str(name)] += int(count)
    return dict(counts.most_common())


def _span(rows: AllRows, looked_at: pd.DataFrame) -> dict[str, str]:
    time = known_at(looked_at)
    if time is None:
        return {}
    known = [piece[time].dropna() for piece in rows.read([time])]
    known = [times for times in known if len(times)]
    if not known:
        return {}
    first, last = min(times.min() for times in known), max(times.max() for times in known)
    return {"first": first.isoformat(), "last": last.isoformat()}


def _counts(values: pd.DataFrame) -> pd.DataFrame:
    infinite = np.isinf(values).sum()
    counts = {"count": values.count() - infinite, "missing": values.isna().sum(),
              "infinite": infinite, "distinct": values.nunique()}  # fmt: skip
    return pd.DataFrame(counts, dtype=np.int64)


def _spread(values: pd.DataFrame) -> dict[str, dict[Any, Any]]:
    finite = values.where(np.isfinite(values))
    with np.errstate(over="ignore", invalid="ignore"):  # squares of huge values leave the range
        figures = pd.DataFrame(
            {name: finite.quantile(at) for name, at in QUANTILES.items()}
            | {"mean": finite.mean(), "std": finite.std(ddof=0)}
            | {"zero_share": finite.eq(0).sum() / finite.count()}
        )
    return {
        str(name): {key: value if np.isfinite(value) else None for key, value in record.items()}
        for name, record in _counts(values).join(figures).to_dict("index").items()
    }


def _categories(values: pd.Series[Any]) -> dict[str, Any]:
    counts = values.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return {
        "count": int(counts.sum()),
        "missing": int(values.isna().sum()),
        "distinct": len(counts),
        "top": [[str(name), int(n)] for name, n in counts.head(TOP_CATEGORIES).items()],
    }


def _alike(numbers: pd.DataFrame) -> list[list[Any]]:
    correlation = rank_correlation(numbers)
    names = list(correlation)
    values = np.nan_to_num(np.triu(correlation.to_numpy(copy=True), k=1))
    left, right = np.nonzero(np.abs(values) >= ALIKE)
    closest = np.argsort(-np.abs(values[left, right]), kind="stable")[:MOST_PAIRS]
    return [
        [names[i], names[j], round(float(values[i, j]), 4)]
        for i, j in zip(left[closest].tolist(), right[closest].tolist(), strict=True)
    ]
