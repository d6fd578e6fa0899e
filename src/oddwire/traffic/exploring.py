"""What a source's rows look like: counts, and each feature among benign rows and attacks.

Pure: rows in, plain numbers out. `pictures` draws them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from oddwire.traffic.schema import ATTACK, LABEL, TIME

if TYPE_CHECKING:
    import pandas as pd

    from oddwire.traffic.schema import FeatureSchema

QUANTILES = {"min": 0.0, "q25": 0.25, "median": 0.5, "q75": 0.75, "max": 1.0}
TOP_CATEGORIES = 10
ALIKE = 0.9  # absolute rank correlation from which two features say the same
_ALIKE_ROWS = 5_000


def sample(rows: pd.DataFrame, *, max_rows: int) -> pd.DataFrame:
    """Take at most ``max_rows`` rows, evenly spaced, attacks at most half of them.

    Attacks are rare in most traffic: evenly spaced rows alone would hardly show them. What is
    said of benign rows and of attacks is said apart, so this does not bend it.
    """
    attack = rows[LABEL].eq(1).fillna(value=False).to_numpy(dtype=bool)
    attacks, others = np.flatnonzero(attack), np.flatnonzero(~attack)
    most_attacks = max(max_rows // 2, max_rows - len(others))
    attacks = _evenly(attacks, most_attacks)
    chosen = np.concatenate([attacks, _evenly(others, max_rows - len(attacks))])
    return rows.iloc[np.sort(chosen)].reset_index(drop=True)


def describe(rows: pd.DataFrame, looked_at: pd.DataFrame, schema: FeatureSchema) -> dict[str, Any]:
    """Return the statistics of a source, fit for JSON.

    Parameters
    ----------
    rows
        All rows, for counts.
    looked_at
        The rows for the statistics of features, from `sample`.
    schema
        The features.

    Returns
    -------
    ``rows`` and ``families`` (counts), ``looked_at``, ``duplicates`` (share of the rows looked at
    whose features occurred before), ``constant`` (features of one value), ``alike`` (pairs of
    numeric features whose absolute Spearman correlation is `ALIKE` or more), ``numeric`` and
    ``categorical`` (by feature, in the order of the schema).
    """
    features = looked_at[list(schema.columns)]
    # Parquet reads back a column without any value as one of no type.
    matrix = features[list(schema.numeric)].astype(np.float64)
    classes = _classes(looked_at)
    return {
        "rows": _class_counts(rows),
        "families": {str(name): int(n) for name, n in rows[ATTACK].value_counts().items()},
        **(
            {"first": rows[TIME].min().isoformat(), "last": rows[TIME].max().isoformat()}
            if TIME in rows
            else {}
        ),
        "looked_at": _class_counts(looked_at),
        "duplicates": float(features.duplicated().mean()),
        "constant": [name for name in schema.columns if _is_constant(features[name])],
        "alike": _alike(matrix),
        "numeric": {name: _numeric(matrix[name], classes) for name in schema.numeric},
        "categorical": {name: _categorical(features[name], classes) for name in schema.categorical},
    }


def separation(values: pd.Series[Any], attack: pd.Series[Any]) -> float | None:
    """Return how far one numeric feature alone tells attacks from the rest, 0 (not) to 1.

    It is |2 AUC - 1| of the feature as a score: Somers' D without its sign. Missing values are
    left out; None where one of the classes has none.
    """
    known = values.notna()
    ranks = values[known].rank()
    attack = attack[known]
    attacks, others = int(attack.sum()), int((~attack).sum())
    if not attacks or not others:
        return None
    auc = (ranks[attack].sum() - attacks * (attacks + 1) / 2) / (attacks * others)
    return float(abs(2 * auc - 1))


def most_telling(statistics: dict[str, Any], *, most: int) -> list[str]:
    """Name the numeric features that separate best, or, without attacks, vary most.

    Features that are alike are named once: nine copies of one picture say no more than one.
    """
    numeric = statistics["numeric"]
    ranked = sorted(
        (name for name in numeric if name not in statistics["constant"]),
        key=lambda name: (numeric[name]["separation"] or 0.0, numeric[name]["distinct"]),
        reverse=True,
    )
    twins = {frozenset((left, right)) for left, right, _ in statistics["alike"]}
    chosen: list[str] = []
    for name in ranked:
        if len(chosen) < most and not any(frozenset((name, other)) in twins for other in chosen):
            chosen.append(name)
    return chosen


def _is_constant(values: pd.Series[Any]) -> bool:
    return len(values.dropna().unique()) <= 1


def _evenly(places: np.ndarray[Any, Any], most: int) -> np.ndarray[Any, Any]:
    if len(places) <= most:
        return places
    return places[np.linspace(0, len(places) - 1, most).astype(np.int64)]


def _class_counts(rows: pd.DataFrame) -> dict[str, int]:
    label = rows[LABEL]
    return {
        "benign": int(label.eq(0).sum()),
        "attack": int(label.eq(1).sum()),
        "unlabelled": int(label.isna().sum()),
    }


def _classes(rows: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    """Return the rows of each class that occurs; rows without a label count among the benign."""
    attack = rows[LABEL].eq(1).fillna(value=False).astype(bool)
    classes = {"benign": ~attack, "attack": attack}
    return {name: chosen for name, chosen in classes.items() if chosen.any()}


def _numeric(values: pd.Series[Any], classes: dict[str, pd.Series[Any]]) -> dict[str, Any]:
    finite = values.where(np.isfinite(values))
    attack = classes.get("attack")
    return {
        "missing": int(values.isna().sum()),
        "infinite": int(np.isinf(values).sum()),
        "distinct": int(values.nunique()),
        "separation": None if attack is None else separation(values, attack),
        **{name: _spread(finite[chosen].dropna()) for name, chosen in classes.items()},
    }


def _spread(values: pd.Series[Any]) -> dict[str, float] | None:
    if values.empty:
        return None
    spread = {name: float(values.quantile(share)) for name, share in QUANTILES.items()}
    scale = float(values.abs().max()) or 1.0  # squares of large values would leave the range
    return spread | {
        "mean": float((values / scale).mean() * scale),
        "std": float((values / scale).std(ddof=0) * scale),
        "zero_share": float(values.eq(0).mean()),
    }


def _categorical(values: pd.Series[Any], classes: dict[str, pd.Series[Any]]) -> dict[str, Any]:
    def top(chosen: pd.Series[Any]) -> list[list[Any]]:
        counts = values[chosen].value_counts().head(TOP_CATEGORIES)
        return [[str(name), int(n)] for name, n in counts.items()]

    return {
        "missing": int(values.isna().sum()),
        "distinct": int(values.nunique()),
        **{name: top(chosen) for name, chosen in classes.items()},
    }


def rank_correlation(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return Spearman's correlation of features, of at most 5,000 rows; features that vary only."""
    few = matrix.iloc[_evenly(np.arange(len(matrix)), _ALIKE_ROWS)]
    varying = [name for name in few if not _is_constant(few[name])]
    # Ranks first: infinite values have a rank, and no mean.
    return few[varying].rank().corr(min_periods=10)


def _alike(matrix: pd.DataFrame) -> list[list[Any]]:
    correlation = rank_correlation(matrix)
    names = list(correlation)
    values = np.triu(correlation.to_numpy(copy=True), k=1)
    left, right = np.nonzero(np.abs(np.nan_to_num(values)) >= ALIKE)
    return [
        [names[i], names[j], round(float(values[i, j]), 4)]
        for i, j in zip(left.tolist(), right.tolist(), strict=True)
    ]
