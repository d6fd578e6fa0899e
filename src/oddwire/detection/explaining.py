"""Which features made a connection anomalous, for any detector.

An anomalous row is compared with the most similar benign row that itself scores as normal. A
feature contributes as far as the anomaly score falls when it alone takes the benign row's value,
and as far as the benign row's score rises when it alone takes the anomalous value. The first misses
two features of which either would do, and scores that have reached their ceiling; the second misses
features that are anomalous only together; so both are measured and weigh the same.

Named first is what sets the row apart: a contribution counts by how rare the value is among benign
rows, so that a value which many of them have comes last even if it contributes most.

The nearest benign row, and not a median in every column, which is a row that nobody has seen and
may be anomalous itself; for every detector, the autoencoder too: ``docs/decisions/0007`` has what
other ways found.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from oddwire.detection import detectors
from oddwire.detection.among_benign import among_benign
from oddwire.detection.benign_sample import BenignSample, row_blocks
from oddwire.errors import ParameterError
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from oddwire.detection.arrays import Matrix, Places, Vector

    Score = Callable[[pd.DataFrame], Vector]

_NORMAL = 0.75  # share of the benign rows to compare with: the most anomalous explain nothing
_ROUNDING = 1e-9  # of the score: smaller changes are no reason
_NAMED = 3  # features in a sentence
_LONGEST = 40  # letters of a name or value in a sentence
_PLAIN = re.compile(r"[\w./:-]+")  # values that a sentence shows without quotes


def explain(
    features: pd.DataFrame,
    *,
    preprocessing: Any,
    detector: Any,
    benign: BenignSample,
    normal: Normal | None = None,
    top: int = 5,
) -> pd.DataFrame:
    """Name the features that made rows anomalous, first what sets each row apart.

    The order is that of a feature's share times the surprisal -log p of its value, where p is the
    share of benign rows that have the same category, or a number at least as far out on its side.

    Parameters
    ----------
    features
        The rows in question, with the schema's columns, the numeric ones as numbers. Each costs
        some hundred scores.
    preprocessing, detector
        The two fitted estimators.
    benign
        Benign rows.
    normal
        What `normal_rows` returns of these; scored here if left out.
    top
        Features for each row; all there are, if they are fewer.

    Returns
    -------
    DataFrame
        For each row of ``features``, in order, ``top`` rows with the columns

        ``row``
            The row's label in the index.
        ``rank``
            From 1.
        ``feature``, ``value``
            A column's name, and the row's value there.
        ``benign_median``
            The median of benign rows; for a category the commonest one. None where benign rows
            have no value.
        ``benign_quantile``
            The number's quantile among benign rows: 0 below all, 1 above all. NaN for a category
            or a missing value.
        ``benign_share``
            Share of the benign rows with exactly the same value.
        ``share``
            Share of what makes the row anomalous; over all features they sum to 1, or are all 0
            where no single feature makes a difference.

    Raises
    ------
    ParameterError
        If ``top`` is below 1.
    """
    if top < 1:
        raise ParameterError(f"top must be at least 1, got {top}")
    encoded = benign.encode(features)
    score = partial(_score, preprocessing, detector)
    if normal is None:
        normal = normal_rows(benign, preprocessing=preprocessing, detector=detector)
    width = len(preprocessing.feature_names_out_)
    shares = _shares(features, encoded, benign, normal, score, width=width)
    apart = shares * _surprisals(encoded, benign)
    first = np.lexsort((-shares, -apart), axis=1)[:, :top]
    return _table(features, encoded, benign, shares, first)


class Normal(NamedTuple):
    """Benign rows that anomalous ones may be compared with.

    Parameters
    ----------
    frame
        All rows of the sample.
    among
        Which of them score as normal, shape (n,).
    """

    frame: pd.DataFrame
    among: NDArray[np.bool_]


def normal_rows(benign: BenignSample, *, preprocessing: Any, detector: Any) -> Normal:
    """Score a sample of benign rows, which `explain` needs and is the same for all rows."""
    frame = benign.frame()
    scores = _score(preprocessing, detector, frame)
    return Normal(frame, scores <= np.quantile(scores, _NORMAL))


def _score(preprocessing: Any, detector: Any, rows: pd.DataFrame) -> Vector:
    return detectors.anomaly_score(detector, preprocessing.transform(rows))


def sentences(explained: pd.DataFrame) -> list[str]:
    """Return a line for each row that `explain` explained, in order.

    Text from the wire is shortened, and what could steer a terminal is replaced. A line is empty
    where no feature contributes.

    Examples
    --------
    >>> explained = pd.DataFrame({
    ...     "rank": [1, 2], "feature": ["dst_side", "bytes"], "value": ["outside", 1.2e6],
    ...     "benign_median": ["inside", 350.0], "benign_quantile": [np.nan, 0.998],
    ...     "benign_share": [0.42, 0.0], "share": [0.56, 0.3],
    ... })
    >>> print(sentences(explained)[0])  # doctest: +NORMALIZE_WHITESPACE
    contributes 56 %: dst_side=outside (42 % of benign rows have it; typical: inside),
    30 %: bytes=1.2e+06 (above 99.8 % of benign rows; typical: 350)
    """
    return ["contributes " + ", ".join(named) if named else "" for named in phrases(explained)]


def phrases(explained: pd.DataFrame) -> list[list[str]]:
    """Return the parts of each row's line, a phrase per feature: at most three, or none."""
    lines: list[list[str]] = []
    for reason in explained.to_dict("records"):
        if reason["rank"] == 1:
            lines.append([])
        if reason["rank"] <= _NAMED and reason["share"] > 0:
            lines[-1].append(_phrase(reason))
    return lines


def _phrase(reason: Mapping[Any, Any]) -> str:
    compared = among_benign(reason["benign_quantile"], reason["benign_share"])
    typical = reason["benign_median"]
    if not pd.isna(typical):
        compared += f"; typical: {_shown_value(typical)}"
    name, value = printable(str(reason["feature"]), _LONGEST), _shown_value(reason["value"])
    return f"{100 * reason['share']:.0f} %: {name}={value} ({compared})"


def _shown_value(value: Any) -> str:
    if pd.isna(value):
        return "missing"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = printable(str(value), _LONGEST)
    return text if _PLAIN.fullmatch(text) else repr(text)


def _table(
    features: pd.DataFrame, encoded: Matrix, benign: BenignSample, shares: Matrix, first: Places
) -> pd.DataFrame:
    rows, ranks = np.indices(first.shape)
    at = (rows.ravel(), first.ravel())
    values = np.empty(encoded.shape, dtype=object)
    for place, name in enumerate(benign.schema.columns):
        is_text = name in benign.categories
        values[:, place] = features[name].astype(object) if is_text else encoded[:, place]
    columns = {
        "row": features.index.to_numpy()[at[0]],
        "rank": ranks.ravel() + 1,
        "feature": np.asarray(benign.schema.columns, dtype=object)[at[1]],
        "value": values[at],
        "benign_median": np.asarray(benign.typical(), dtype=object)[at[1]],
        "benign_quantile": benign.quantiles(encoded)[at],
        "benign_share": benign.shares(encoded)[at],
        "share": shares[at],
    }
    return pd.DataFrame(columns)


def _surprisals(encoded: Matrix, benign: BenignSample) -> Matrix:
    """Return -log p of each value alone, p as by `explain`; shape (rows, columns)."""
    equal, below = benign.shares(encoded), benign.quantiles(encoded)
    # A quantile counts equal values half: here all of them are as far out as the row.
    farther = np.minimum(below, 1 - below) + equal / 2
    p = np.clip(np.where(np.isnan(below), equal, farther), 0.0, 1.0)
    kept = len(benign.rows)
    surprisals: Matrix = -np.log((1 + kept * p) / (1 + kept))
    return surprisals


def _shares(
    features: pd.DataFrame,
    encoded: Matrix,
    benign: BenignSample,
    normal: Normal,
    score: Score,
    *,
    width: int,
) -> Matrix:
    """Return each column's share of what makes each row anomalous, shape (rows, columns).

    Parameters
    ----------
    width
        How many columns the matrix has that is scored.
    """
    columns = benign.schema.columns
    nearest = benign.nearest(encoded, normal.among)
    shares = np.zeros((len(features), len(columns)))
    for rows in row_blocks(len(features), len(columns) * max(len(columns), width)):
        anomalous = _Side(features[list(columns)].iloc[rows], encoded[rows])
        near = _Side(normal.frame.iloc[nearest[rows]], benign.rows[nearest[rows]])
        falls = _changes(anomalous, near, score)
        rises = -_changes(near, anomalous, score)
        shares[rows] = _parts(_parts(falls) + _parts(rises))
    return shares


class _Side(NamedTuple):
    """Rows as they came, and as numbers, which are quick to compare."""

    frame: pd.DataFrame
    encoded: Matrix


def _changes(rows: _Side, others: _Side, score: Score) -> Matrix:
    """Return by how much scores fall as each column alone takes the other row's value.

    Values are exchanged in the frame and not in the matrix, since one may reach many columns of
    that: the service also decides to which group a number is compared.

    Parameters
    ----------
    rows, others
        As many rows each: the i-th of one belongs to the i-th of the other.

    Returns
    -------
    ndarray of shape (rows, columns)
    """
    changed = np.zeros(rows.encoded.shape)
    # What is equal in both changes nothing, which saves most of the scores.
    both_missing = np.isnan(rows.encoded) & np.isnan(others.encoded)
    row, column = np.nonzero(~((rows.encoded == others.encoded) | both_missing))
    if not row.size:
        return changed
    tried = {}
    for place, name in enumerate(rows.frame.columns):
        values, here = rows.frame[name].to_numpy()[row], column == place
        tried[name] = np.where(here, others.frame[name].to_numpy()[row], values)
    before = score(rows.frame)[row]
    fall = before - score(pd.DataFrame(tried))
    changed[row, column] = np.where(np.abs(fall) > _ROUNDING * np.abs(before), fall, 0.0)
    return changed


def _parts(amounts: Matrix) -> Matrix:
    """Return what is above 0 as parts of 1, row by row; 0 where nothing is."""
    above = np.maximum(amounts, 0.0)
    # The largest first: a sum of huge scores may not be finite.
    above /= np.where((top := above.max(axis=1, initial=0.0, keepdims=True)) > 0, top, 1.0)
    total = above.sum(axis=1, keepdims=True)
    parts: Matrix = above / np.where(total > 0, total, 1.0)
    return parts
