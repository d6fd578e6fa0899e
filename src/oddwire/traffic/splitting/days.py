"""How many days of traffic the rows of a part stand for.

A part has rows of blocks of time, or a share of them, so its days are its rows over those that a
day brings: a day of average traffic before the test. Counted so, weekends, attacks, and stretches
left out to bound a training change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.traffic.schema import LABEL, known_at

_LONGEST_GAP = 1.0  # days: longer ones are no traffic, but a time that was not recorded


def benign_per_day(rows: pd.DataFrame) -> float | None:
    """Return how many rows that are no attack a day brings.

    Rows of unknown label count: to whoever gets the alerts they are traffic like any other.

    Parameters
    ----------
    rows
        A row per connection, of which label and times are looked at.

    Returns
    -------
    float or None
        None where there are no times, or only one.
    """
    name = known_at(rows)
    if name is None:
        return None
    known = rows[name][~_attacks(rows)]
    times = np.sort(known.dropna().dt.tz_localize(None).to_numpy(dtype="datetime64[us]"))
    days = float(np.minimum(np.diff(times) / np.timedelta64(1, "D"), _LONGEST_GAP).sum())
    # Those without a time are counted in the parts, and so here.
    return len(known) / days if days > 0 else None


def days_of(
    counts: Mapping[str, Mapping[str, int]], per_day: float | None, *, by_people: bool = False
) -> dict[str, float | None]:
    """Return how many days of traffic the benign rows of each part stand for.

    Parameters
    ----------
    counts
        Rows of each label in each part; without any label all rows count.
    per_day
        What `benign_per_day` found before the test.
    by_people
        Whether all labels are people's, so that few rows have one: those that are no attacks count.
    """
    labelled = not by_people and any(each["benign"] for each in counts.values())
    rows = {
        part: each["benign"] if labelled else each["rows"] - by_people * each["attacks"]
        for part, each in counts.items()
    }
    return {part: per_day and count / per_day for part, count in rows.items()}


def _attacks(rows: pd.DataFrame) -> NDArray[np.bool_]:
    if LABEL not in rows:
        return np.zeros(len(rows), dtype=bool)
    return np.asarray(rows[LABEL].to_numpy(dtype=np.float64, na_value=np.nan) == 1)
