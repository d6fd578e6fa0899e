"""`simulate`: a source's settings → connections."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.params import SimulatedSource
from oddwire.traffic.connections import ends_of
from oddwire.traffic.schema import ATTACK, CAMPAIGN, END, LABEL, TIME, time_order
from oddwire.traffic.sources.simulated.activities import ACTIVITIES
from oddwire.traffic.sources.simulated.attacks import ATTACK_SHARE, attacks
from oddwire.traffic.sources.simulated.benign import perform_all
from oddwire.traffic.sources.simulated.campaigns import FAMILIES
from oddwire.traffic.sources.simulated.connections import Connections, is_udp_or_icmp, join
from oddwire.traffic.sources.simulated.organisation import Organisation, found
from oddwire.traffic.sources.simulated.rhythm import DAY, Clock
from oddwire.traffic.sources.simulated.scenarios import (
    NEWCOMERS,
    break_sensor,
    double_bytes,
    newcomers,
)
from oddwire.traffic.sources.simulated.services import SERVICES, STATES
from oddwire.traffic.sources.simulated.streams import Flags, Floats, Ints, stream

_UNRECOGNISED = frozenset({"S0", "REJ", "RSTOS0", "SH"})


def simulate(source: SimulatedSource, organisation: Organisation | None = None) -> pd.DataFrame:
    """Make the connections of a source, by default of the organisation that its seed founds.

    The same settings give the same rows in every process (with the same NumPy). Attacks and the
    newcomers of a drift scenario take the place of benign connections drawn at random, so that
    there are always ``days * connections_per_day`` rows (``doubled_volume`` alone adds rows from
    its day on), and all benign rows that stay are those that there were without them.

    Returns
    -------
    Connections in the columns of the connection schema, sorted by ``end``: all that begin in the
    source's days, also those that end, and would be known, after them.
    """
    clock = Clock(source.start, source.days, source.seed)
    if organisation is None:
        organisation = found(source.seed, source.connections_per_day)
    rows = _traffic(source, organisation, clock)
    begin = source.drift_from_day * DAY
    if "doubled_volume" in source.drift:
        rows = double_bytes(rows, begin)
    if "broken_sensor" in source.drift:
        rows = break_sensor(rows, source.seed, begin)
    return _frame(rows, source.start)


def _traffic(source: SimulatedSource, organisation: Organisation, clock: Clock) -> Connections:
    seed, begin = source.seed, source.drift_from_day * DAY
    total = source.days * source.connections_per_day
    ordinary = perform_all(ACTIVITIES, seed, "benign/", total, organisation, clock)
    parts: list[Connections] = []
    # Rows leave in this order to make room, whatever it is that needs it.
    turn = stream(seed, "room").random(total)
    if source.attacks:
        parts.append(attacks(seed, round(total * ATTACK_SHARE), organisation, clock))
        turn = _without_first(turn, ordinary.ts >= 0, len(parts[0]))
    for scenario, (share, _) in NEWCOMERS.items():
        late = (ordinary.ts >= begin) & ~np.isnan(turn)
        count = round(share * int(late.sum()))
        if scenario in source.drift and count:
            parts.append(newcomers(scenario, seed, count, organisation, clock, begin))
            turn = _without_first(turn, late, count)
    if "doubled_volume" in source.drift:
        name = "drift/doubled_volume/"
        again = perform_all(ACTIVITIES, seed, name, total, organisation, clock)
        parts.append(again.take(again.ts >= begin))
    return join([ordinary.take(~np.isnan(turn)), *parts])


def _without_first(turn: Floats, eligible: Flags, count: int) -> Floats:
    """Mark the `count` eligible rows with the lowest turn as gone (NaN)."""
    order = np.argsort(np.where(eligible, turn, np.inf), kind="stable")
    left = turn.copy()
    left[order[:count]] = np.nan
    return left


def _frame(rows: Connections, start: dt.date) -> pd.DataFrame:
    micros = np.floor(rows.ts * 1e6).astype(np.int64)
    midnight = int(dt.datetime.combine(start, dt.time(), tzinfo=dt.UTC).timestamp()) * 1_000_000
    begun = pd.Series((midnight + micros).astype("datetime64[us]")).dt.tz_localize("UTC")
    made = pd.DataFrame(
        {
            TIME: begun,
            END: ends_of(begun, pd.Series(rows.duration)),
            "uid": rows.uid.astype("U18").astype(object),
            "src_ip": _addresses(rows.src_ip),
            "src_port": _integers(rows.src_port, "Int32"),
            "dst_ip": _addresses(rows.dst_ip),
            "dst_port": _integers(_ports(rows), "Int32"),
            "proto": np.array([service.proto for service in SERVICES], dtype=object)[rows.service],
            "service": _service_names(rows),
            "duration": rows.duration,
            "src_bytes": _integers(rows.src_bytes, "Int64"),
            "dst_bytes": _integers(rows.dst_bytes, "Int64"),
            "src_packets": _integers(rows.src_packets, "Int64"),
            "dst_packets": _integers(rows.dst_packets, "Int64"),
            "conn_state": np.array(STATES, dtype=object)[rows.state],
            "history": np.full(len(rows), None, dtype=object),
            LABEL: _integers((rows.attack > 0).astype(np.int64), "Int8"),
            ATTACK: np.array([None, *FAMILIES], dtype=object)[rows.attack],
            CAMPAIGN: _campaigns(rows),
        }
    )
    return made.iloc[time_order(made)].reset_index(drop=True)


def _campaigns(rows: Connections) -> NDArray[np.object_]:
    """Name the campaigns: the family, and which one of it, such as ``c2_beacon 3``."""
    names = np.array([None, *FAMILIES], dtype=object)
    pairs, place = np.unique([rows.attack, rows.campaign], axis=1, return_inverse=True)
    texts = [f"{names[family]} {number}" if family else None for family, number in pairs.T]
    return np.array(texts, dtype=object)[place]


def _integers(values: Ints, dtype: Literal["Int8", "Int32", "Int64"]) -> pd.Series[int]:
    """Turn negative numbers, which are unknown, into missing ones."""
    return pd.Series(values).astype(dtype).mask(pd.Series(values < 0))


def _addresses(values: Ints) -> NDArray[np.object_]:
    unique, place = np.unique(values, return_inverse=True)
    texts = [".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0)) for value in unique]
    return np.array(texts, dtype=object)[place]


def _ports(rows: Connections) -> Ints:
    icmp = np.array([service.proto == "icmp" for service in SERVICES])
    return np.where(icmp[rows.service], -1, rows.dst_port)


def _service_names(rows: Connections) -> NDArray[np.object_]:
    """Name the service where its payload was seen: a refused connection never said what it was."""
    names = np.array([service.name for service in SERVICES], dtype=object)[rows.service]
    mute = np.array([state in _UNRECOGNISED for state in STATES])[rows.state]
    names[mute & ~is_udp_or_icmp(rows.service)] = None
    return names
