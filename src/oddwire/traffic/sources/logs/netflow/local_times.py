"""Times that a log writes without a zone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

_PLAIN = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?"
_ZONED = rf"{_PLAIN}\s?(?:Z|[+-]\d\d(?::?\d\d)?)"
_TIME = pa.timestamp("us", tz="UTC")


def local_times(
    values: pa.Array, zone: str, *, name: str = "ts"
) -> tuple[pa.Array, dict[int, str]]:
    """Return the moments of local times, and why places that hold none are refused.

    Parameters
    ----------
    values
        Text such as ``2011/08/10 09:46:53.058760`` or ``2012-12-01T02:28:35.964``. A time that
        names its zone keeps it.
    zone
        The zone of the others by its name, such as ``Europe/Berlin``. Of the hour that comes twice
        when clocks are set back, the second is meant; a time that clocks left out is the first one
        after it.
    name
        The column's name, for the reason.
    """
    given = pd.Series(values.to_pandas(), dtype=object)
    text = given.str.replace("/", "-", regex=False)
    moments = pd.to_datetime(
        text.where(text.str.fullmatch(_ZONED, na=False)),
        utc=True, format="ISO8601", errors="coerce",
    )  # fmt: skip
    plain = text.where(text.str.fullmatch(_PLAIN, na=False))
    if plain.notna().any():
        local = pd.to_datetime(plain, format="ISO8601", errors="coerce")
        moments = moments.fillna(_placed(local, zone))
    sound = (moments.notna() & (moments >= pd.Timestamp(0, tz="UTC"))).to_numpy()
    instants = pa.array(moments.where(sound).dt.as_unit("us"), _TIME)
    return instants, {
        int(place): f"{name} must be a time from 1970 on, got {given[place]!r:.80}"
        for place in np.flatnonzero(~sound)
        if given[place] is not None
    }


def _placed(plain: pd.Series[Any], zone: str) -> pd.Series[Any]:
    second = np.zeros(len(plain), dtype=bool)
    local = plain.dt.tz_localize(zone, ambiguous=second, nonexistent="shift_forward")
    moments: pd.Series[Any] = local.dt.tz_convert("UTC")
    return moments
