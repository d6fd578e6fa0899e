"""Test rows that also occur in the parts before: figures on them say little of new traffic.

Rows that are in no part are not looked at: nothing was learned from them.

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

from oddwire.percent import percent
from oddwire.traffic.row_hashes import Hashes, hash_rows
from oddwire.traffic.schema import CAMPAIGN, LABEL, UNIT

_REMARKABLE = 0.01  # share of the test rows beyond what is expected
_DEVIATIONS = 3  # of a count that has the variance of its mean, and of one row more
_CHUNK = 200_000  # rows that are hashed at a time
_NO_LABEL = 2


@dataclass(frozen=True)
class SharedRows:
    """How many test rows also occur in the parts before.

    Parameters
    ----------
    rows
        How many do: with all that came over the wire, identifiers, time and label among it.
    of
        How many test rows there are.
    expected
        How many would if the test rows were like those before them: the share of those that
        occurs twice or more among them, label by label.
    """

    rows: int
    of: int
    expected: float

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
        text = f"{self.rows:,} of {self.of:,} test rows ({percent(self.share)}) also occur before"
        text += " the test part"
        expected = percent(self.expected / self.of)
        if self.remarkable:
            text += f"; repeats in the traffic explain {expected}. Figures on such rows are better"
            return f"{text} than on new traffic: give `test` rows of another time"
        return f"{text}, as often as rows before it repeat one another ({expected})"

    def summary(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {"rows": self.rows, "of": self.of, "expected": self.expected}

    @classmethod
    def from_summary(cls, content: Mapping[str, Any] | None) -> SharedRows:
        """Read back what `summary` returned; None, of parts made before it was kept, is none."""
        kept = content or {"rows": 0, "of": 0, "expected": 0.0}
        return cls(int(kept["rows"]), int(kept["of"]), float(kept["expected"]))


def count_shared(before: Iterable[pd.DataFrame], test: Iterable[pd.DataFrame]) -> SharedRows:
    """Count the test rows that also occur before them.

    Rows are compared by hashes of 8 bytes, so that millions take little memory.

    Parameters
    ----------
    before, test
        Frames of the same columns, in pieces of any size.

    Examples
    --------
    >>> before = pd.DataFrame({"bytes": [1.0, 2.0, 2.0, 3.0]})
    >>> count_shared([before], [pd.DataFrame({"bytes": [1.0, 4.0]})])
    SharedRows(rows=1, of=2, expected=1.0)
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
    return SharedRows(int(np.isin(tested, found).sum()), len(tested), expected)


def same_rows(one: Iterable[pd.DataFrame], other: Iterable[pd.DataFrame]) -> bool:
    """Return whether frames, in pieces of any size, have the same rows in whatever order."""
    hashes, others = (np.sort(_hashed(frames)[0]) for frames in (one, other))
    return bool(np.array_equal(hashes, others))


def _hashed(frames: Iterable[pd.DataFrame]) -> tuple[Hashes, NDArray[np.int8]]:
    """Return a hash and a label per row."""
    hashes, labels = [np.empty(0, np.uint64)], [np.empty(0, np.int8)]
    no_news = [UNIT, CAMPAIGN]  # they say nothing new of a row
    for frame in frames:
        for first in range(0, len(frame), _CHUNK):
            rows = frame.iloc[first : first + _CHUNK]
            hashes.append(hash_rows(rows.drop(columns=no_news, errors="ignore")))
            labels.append(_labels(rows))
    return np.concatenate(hashes), np.concatenate(labels)


def _labels(rows: pd.DataFrame) -> NDArray[np.int8]:
    if LABEL not in rows:
        return np.full(len(rows), _NO_LABEL, np.int8)
    labels = rows[LABEL].to_numpy(dtype=np.float64, na_value=_NO_LABEL)
    return labels.astype(np.int8)
