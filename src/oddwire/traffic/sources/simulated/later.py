"""The days after a source's own: its traffic goes on, week by week.

A week is made by itself, so that a day far ahead costs no more than the first one and is always
the same day. The organisation, its habits and its rhythm are those of the source's own days.

A connection belongs to the day in which it is known. It may have begun in the week before, and in
none earlier: what lasts for more than a week is never known. Of the source's own connections, those
that end after its days are known in the days after them.
"""

from __future__ import annotations

import datetime as dt

import pandas as pd

from oddwire.params import SimulatedSource
from oddwire.traffic.schema import CAMPAIGN, END, TIME, time_order
from oddwire.traffic.sources.simulated.activities import ACTIVITIES
from oddwire.traffic.sources.simulated.organisation import found
from oddwire.traffic.sources.simulated.rhythm import RHYTHMS
from oddwire.traffic.sources.simulated.simulator import simulate
from oddwire.traffic.sources.simulated.streams import stream

_WEEK = 7
_SATURDAY = 5


def later_days(
    source: SimulatedSource, begin: dt.datetime, end: dt.datetime, *, reach: dt.timedelta
) -> pd.DataFrame:
    """Make the connections known from `begin` to `end`, and those that time windows reach back to.

    Parameters
    ----------
    begin, end
        Not before the source's own days end.
    reach
        How long before `begin` the first connections shall be known.

    Returns
    -------
    Connections in the order in which they are known.
    """
    weeks = range(_number(source, begin - reach) - 1, _number(source, end) + 1)
    own = [simulate(source)] if weeks[0] < 0 else []
    parts = own + [_week(source, number) for number in weeks if number >= 0]
    rows = pd.concat(parts, ignore_index=True)
    lasted = rows[END] - rows[TIME]
    inside = (rows[END] >= begin - reach) & (rows[END] < end) & (lasted < pd.Timedelta(days=_WEEK))
    rows = rows[inside]
    return rows.iloc[time_order(rows)].reset_index(drop=True)


def _number(source: SimulatedSource, moment: dt.datetime) -> int:
    return (moment - source.ends) // dt.timedelta(days=_WEEK)


def _week(source: SimulatedSource, number: int) -> pd.DataFrame:
    start = source.ends.date() + dt.timedelta(days=_WEEK * number)
    own = sum(_busyness(source.start + dt.timedelta(days=day)) for day in range(source.days))
    week = sum(_busyness(start + dt.timedelta(days=day)) for day in range(_WEEK))
    later = source.model_copy(
        update={
            "start": start,
            "days": _WEEK,
            "drift_from_day": 0,  # what has changed stays changed
            # Days of a kind are as busy as the source's own, few as those may be.
            "connections_per_day": round(
                source.connections_per_day * source.days * week / own / _WEEK
            ),
            "seed": int(stream(source.seed, f"later/{number}").integers(2**32)),
        }
    )
    rows = simulate(later, found(source.seed, source.connections_per_day))
    # Campaigns are counted anew in each week, and none may pass for another one's.
    rows[CAMPAIGN] = rows[CAMPAIGN].map(
        lambda name: f"{name} (week {number + 1})", na_action="ignore"
    )
    return rows


def _busyness(day: dt.date) -> float:
    """Return how much happens on a day, against a working day."""
    if day.weekday() < _SATURDAY:
        return 1.0
    shares = [(one.share, RHYTHMS[one.rhythm][1]) for one in ACTIVITIES]
    return sum(share * weekend for share, weekend in shares) / sum(share for share, _ in shares)
