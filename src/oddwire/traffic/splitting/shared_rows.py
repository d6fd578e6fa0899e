"""Test rows that also occur before the test part: figures on them say little of new traffic.

Some honest traffic repeats itself: a name server is asked the same thing a thousand times, and
features without addresses and times come out equal. How often is seen in the rows before the test
part, by their own repeats; only what goes beyond is remarkable.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from oddwire.traffic.schema import CAMPAIGN, LABEL, UNIT

Hashes = NDArray[np.uint64]
_REMARKABLE = 0.01  # share of the test rows beyond what is expected
_DEVIATIONS = 3  # of a count that has the variance of its mean, and of one row more
_CHUNK = 200_000  # rows that are hashed at a time
_NO_LABEL = 2


@dataclass(frozen=True)
class SharedRows:
    """How many test rows also occur before the test part.

    Parameters
    ----------
    rows
        How many do: with all their columns, identifiers, time and label among them.
    of
        How many test rows there are.
    expected
        How many would if the test rows were like those before them: the share of those that
        occurs twice or more among them, label by label.
    same
        Whether the test part and the rows before it are the same rows, in whatever order.
    """

    rows: int
    of: int
    expected: float
    same: bool = False

    @property
    def share(self) -> float:
        """The share of the test rows that also occur before them."""
        return self.rows / self.of if self.of else 0.0

    @property
    def excess(self) -> float:
        """The share of the test rows by which they are more than expected; 0 for fewer."""
        return max(self.rows - self.expected, 0.0) / self.of if self.of else 0.0

    @property
    def remarkable(self) -> bool:
        """Whether they are more than repeats of honest traffic and chance explain."""
        chance = _DEVIATIONS * math.sqrt(self.expected + 1)
        return self.excess >= _REMARKABLE and self.rows - self.expected > chance

    @property
    def sentence(self) -> str:
        """What a person should know, empty where there is nothing to say."""
        if not self.rows:
            return ""
        text = f"{self.rows:,} of {self.of:,} test rows ({self.share:.1%}) also occur before the"
        text += " test part"
        expected = self.expected / self.of
        if self.remarkable:
            text += f"; repeats in the traffic explain {expected:.1%}. Figures on such rows are"
            return f"{text} better than on new traffic: give `test` rows of another time"
        return f"{text}, as often as rows before it repeat one another ({expected:.1%})"

    def summary(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {"rows": self.rows, "of": self.of, "expected": self.expected}

    @classmethod
    def from_summary(cls, content: Mapping[str, Any] | None) -> SharedRows:
        """Read back what `summary` returned; None, of parts made before it was kept, is none."""
        kept = content or {"rows": 0, "of": 0, "expected": 0.0}
        return cls(int(kept["rows"]), int(kept["of"]), float(kept["expected"]))


def count_shared(
    before: Iterable[pd.DataFrame],
    test: Iterable[pd.DataFrame],
    left_out: Iterable[pd.DataFrame] = (),
) -> SharedRows:
    """Count the test rows that also occur before the test part.

    Rows are compared by hashes of 8 bytes, so that millions take little memory.

    Parameters
    ----------
    before, test
        Frames of the same columns, in pieces of any size.
    left_out
        Rows of the test file that the test part does not take: they are not counted, and yet tell
        whether the file is that of the rows before.

    Examples
    --------
    >>> before = pd.DataFrame({"bytes": [1.0, 2.0, 2.0, 3.0]})
    >>> count_shared([before], [pd.DataFrame({"bytes": [1.0, 4.0]})])
    SharedRows(rows=1, of=2, expected=1.0, same=False)
    """
    (hashes, labels), (tested, test_labels) = _hashed(before), _hashed(test)
    found, counts = np.unique(hashes, return_counts=True)
    repeated = found[counts > 1]
    expected = 0.0
    for label in np.unique(test_labels):
        alike = hashes[labels == label]
        if len(alike):
            repeats = np.isin(alike, repeated).mean()
            expected += float(repeats) * int((test_labels == label).sum())
    shared = int(np.isin(tested, found).sum())
    every = np.concatenate([tested, _hashed(left_out)[0]])
    same = len(hashes) == len(every) and bool(np.array_equal(np.sort(hashes), np.sort(every)))
    return SharedRows(shared, len(tested), expected, same=same)


def _hashed(frames: Iterable[pd.DataFrame]) -> tuple[Hashes, NDArray[np.int8]]:
    """Return a hash and a label per row."""
    hashes, labels = [np.empty(0, np.uint64)], [np.empty(0, np.int8)]
    for frame in frames:
        for first in range(0, len(frame), _CHUNK):
            rows = frame.iloc[first : first + _CHUNK]
            hashes.append(_hash(rows))
            labels.append(_labels(rows))
    return np.concatenate(hashes), np.concatenate(labels)


def _hash(rows: pd.DataFrame) -> Hashes:
    # In one order and of one type: the same value is the same, whatever file it came from.
    names = sorted(set(rows.columns) - {UNIT, CAMPAIGN})  # which say nothing new of a row
    plain = pd.DataFrame({name: _plain(rows[name]) for name in names})
    return np.asarray(pd.util.hash_pandas_object(plain, index=False), dtype=np.uint64)


def _plain(column: pd.Series[Any]) -> pd.Series[Any]:
    if is_numeric_dtype(column):
        return pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0)  # -0.0 is 0.0
    return column.astype("string").fillna("\0").astype(object).reset_index(drop=True)


def _labels(rows: pd.DataFrame) -> NDArray[np.int8]:
    if LABEL not in rows:
        return np.full(len(rows), _NO_LABEL, np.int8)
    labels = rows[LABEL].to_numpy(dtype=np.float64, na_value=_NO_LABEL)
    return labels.astype(np.int8)
