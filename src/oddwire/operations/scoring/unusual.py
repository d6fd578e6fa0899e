"""The most unusual alerts of a scored file, as people are shown them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor, log10

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.traffic.schema import IDENTIFIERS, TIME
from oddwire.traffic.sources import FileRows
from oddwire.traffic.wire_text import printable

MOST_SHOWN = 20
_LONGEST = 64  # letters of an identifier
_EXACT = 100  # odds from here on are rounded to two digits


@dataclass(frozen=True)
class UnusualAlert:
    """One alert: how unusual, which connection, and why. All text is short and on one line.

    Parameters
    ----------
    row
        Its place in the file, counted from 0.
    score, p_value, extrapolated
        As in the scored file.
    identifiers
        Names and values of what tells the connection from others, where the file has it: time,
        addresses, ports.
    reasons
        The features that set it apart, as `explaining.phrases` has them; empty where not explained.
    """

    row: int
    score: float
    p_value: float
    extrapolated: bool
    identifiers: tuple[tuple[str, str], ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def odds(self) -> str:
        """How unusual it is, as ``about 1 in 40,000 benign``."""
        return odds(self.p_value) + (" (extrapolated)" if self.extrapolated else "")

    @property
    def connection(self) -> str:
        """When, from where and to where, as ``2026-03-02 08:00:00 UTC, 10.0.0.5 -> 10.0.0.9:22``.

        Examples
        --------
        >>> alert = UnusualAlert(3, 0.9, 1e-4, False, (("src_ip", "fe80::1"), ("dst_port", "22")))
        >>> alert.connection
        'fe80::1 -> port 22'
        """
        known = dict(self.identifiers)
        ends = [
            _endpoint(known.get(f"{side}_ip", ""), known.get(f"{side}_port", ""))
            for side in ("src", "dst")
        ]
        parts = [known.get(TIME, ""), " -> ".join(end for end in ends if end)]
        return ", ".join(part for part in parts if part)

    @property
    def why(self) -> str:
        """The reasons as a sentence; empty where there are none."""
        return f"contributes {', '.join(self.reasons)}" if self.reasons else ""


def odds(p_value: float) -> str:
    """Return a p-value as people speak of chances.

    Examples
    --------
    >>> odds(0.0000249), odds(0.03)
    ('about 1 in 40,000 benign', 'about 1 in 33 benign')
    """
    benign = round(1 / p_value)
    if benign >= _EXACT:
        benign = round(benign, 1 - floor(log10(benign)))
    return f"about 1 in {benign:,} benign"


def by_anomaly(scores: pd.DataFrame, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the positions of the alerts, the most anomalous first; of equal ones, as in the file.

    Parameters
    ----------
    scores
        What `Model.score` returned for n rows.
    places
        Their places in the file, shape (n,).
    """
    alerts = np.flatnonzero(scores["alert"])
    order = np.lexsort((places[alerts], -scores["anomaly_score"].to_numpy()[alerts]))
    return alerts[order]


def unusual_alerts(
    scores: pd.DataFrame,
    read: FileRows,
    alerts: NDArray[np.int64],
    reasons: Sequence[Sequence[str]],
) -> tuple[UnusualAlert, ...]:
    """Return the first `MOST_SHOWN` alerts.

    Parameters
    ----------
    scores, read
        The scored rows, in one order.
    alerts
        What `by_anomaly` returned.
    reasons
        Phrases per alert, in the order of ``alerts``, for as many as are explained.
    """
    shown = alerts[:MOST_SHOWN]
    named = list(_identifiers(read, shown))
    values = scores[["anomaly_score", "p_value", "extrapolated"]].iloc[shown]
    return tuple(
        UnusualAlert(
            int(read.places[at]), float(score), float(p_value), bool(extrapolated), named[rank],
            tuple(reasons[rank]) if rank < len(reasons) else (),
        )
        for rank, (at, (score, p_value, extrapolated)) in enumerate(
            zip(shown, values.itertuples(index=False, name=None), strict=True)
        )
    )  # fmt: skip


def _identifiers(
    read: FileRows, chosen: NDArray[np.int64]
) -> Iterator[tuple[tuple[str, str], ...]]:
    known = read.rows[[name for name in IDENTIFIERS if name in read.rows]].iloc[chosen]
    # A table's columns of addresses are dropped from its features, but stand in the file.
    more = [name for name in IDENTIFIERS if name in read.raw.names and name not in known]
    if more:
        own = read.raw.frame()[more].iloc[read.places[chosen]]
        known = known.assign(**{name: own[name].to_numpy(object) for name in more})
    for row in range(len(chosen)):
        values = {name: known[name].iloc[row] for name in IDENTIFIERS if name in known}
        yield tuple((name, _text(value)) for name, value in values.items() if not pd.isna(value))


def _text(value: object) -> str:
    shown = f"{value:%Y-%m-%d %H:%M:%S} UTC" if isinstance(value, pd.Timestamp) else str(value)
    return printable(shown, _LONGEST)


def _endpoint(address: str, port: str) -> str:
    if not address:
        return f"port {port}" if port else ""
    if not port:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
