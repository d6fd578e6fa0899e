"""The most unusual alerts of a scored file, as people are shown them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.percent import odds
from oddwire.traffic.schema import TABLE_IDENTIFIERS, TIME
from oddwire.traffic.sources.reading.raw_table import RawTable
from oddwire.traffic.wire_text import printable

MOST_SHOWN = 20
Identified = Callable[[NDArray[np.int64]], list[tuple[tuple[str, str], ...]]]
_LONGEST = 64  # letters of an identifier


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


class MostUnusual:
    """The most anomalous alerts of a file that is scored batch by batch.

    Of equally anomalous ones, those that stand first in the file.

    Parameters
    ----------
    explained
        How many of them are to be explained: so many rows of features are held.
    """

    def __init__(self, explained: int) -> None:
        self._explained = explained
        self._alerts: list[UnusualAlert] = []
        self._features: pd.DataFrame | None = None
        self._scores = np.empty(0)

    def add(
        self,
        scores: pd.DataFrame,
        places: NDArray[np.int64],
        features: pd.DataFrame,
        identified: Identified,
    ) -> None:
        """Look at more rows.

        Parameters
        ----------
        scores
            What `Model.score` returned for n rows.
        places
            Their places in the file, shape (n,).
        features
            Their feature frame.
        identified
            What tells them from others.
        """
        alerts = np.flatnonzero(scores["alert"])
        order = np.lexsort((places[alerts], -scores["anomaly_score"].to_numpy()[alerts]))
        alerts = alerts[order]
        shown = alerts[:MOST_SHOWN]
        named = identified(shown)
        values = scores[["anomaly_score", "p_value", "extrapolated"]].iloc[shown]
        self._alerts += [
            UnusualAlert(int(places[at]), float(score), float(p_value), bool(extrapolated), name)
            for at, name, (score, p_value, extrapolated) in zip(
                shown, named, values.itertuples(index=False, name=None), strict=True
            )
        ]
        self._alerts.sort(key=lambda alert: (-alert.score, alert.row))
        del self._alerts[MOST_SHOWN:]
        if self._explained:
            self._keep(scores, places, features, alerts[: self._explained])

    def _keep(
        self,
        scores: pd.DataFrame,
        places: NDArray[np.int64],
        features: pd.DataFrame,
        chosen: NDArray[np.int64],
    ) -> None:
        kept = features.iloc[chosen].set_axis(places[chosen])
        self._scores = np.append(self._scores, scores["anomaly_score"].to_numpy()[chosen])
        if self._features is not None:
            kept = pd.concat([self._features, kept])
        first = np.lexsort((kept.index.to_numpy(), -self._scores))[: self._explained]
        self._features, self._scores = kept.iloc[first], self._scores[first]

    @property
    def features(self) -> pd.DataFrame:
        """The feature frame of the alerts to explain, the most anomalous first, by their places."""
        return pd.DataFrame() if self._features is None else self._features

    def shown(self, reasons: Sequence[Sequence[str]]) -> tuple[UnusualAlert, ...]:
        """Return the first `MOST_SHOWN` alerts, those that are explained with their phrases."""
        return tuple(
            replace(alert, reasons=tuple(reasons[rank])) if rank < len(reasons) else alert
            for rank, alert in enumerate(self._alerts)
        )


def identified(rows: pd.DataFrame, raw: RawTable | None = None) -> Identified:
    """Return a function that gives names and values of what tells some of the rows from others.

    Parameters
    ----------
    rows
        Connections or a feature frame.
    raw
        The file's own columns of the same rows, where a table has addresses that it drops from
        its features.
    """

    def of(chosen: NDArray[np.int64]) -> list[tuple[tuple[str, str], ...]]:
        known = rows[[name for name in TABLE_IDENTIFIERS if name in rows]].iloc[chosen]
        for name in TABLE_IDENTIFIERS:
            if raw is not None and name in raw.names and name not in known:
                own = raw.column(name).take(chosen).to_pandas(types_mapper=pd.ArrowDtype)
                known = known.assign(**{name: own.to_numpy(object)})
        return [
            tuple((name, _text(value)) for name, value in values.items() if not pd.isna(value))
            for values in (
                {name: known[name].iloc[row] for name in TABLE_IDENTIFIERS if name in known}
                for row in range(len(chosen))
            )
        ]

    return of


def _text(value: object) -> str:
    shown = f"{value:%Y-%m-%d %H:%M:%S} UTC" if isinstance(value, pd.Timestamp) else str(value)
    return printable(shown, _LONGEST)


def _endpoint(address: str, port: str) -> str:
    if not address:
        return f"port {port}" if port else ""
    if not port:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
