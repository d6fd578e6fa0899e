"""Words that pages, terminals and messages share. Nothing is escaped here."""

from __future__ import annotations

import datetime as dt

from oddwire.live.alerts.alert import Endpoint
from oddwire.live.alerts.incident import Incident
from oddwire.percent import odds

UNKNOWN = "unknown"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def moment(microseconds: int | None, *, seconds: bool = True) -> str:
    """Return a time in UTC without its zone, to the second or the minute.

    Examples
    --------
    >>> moment(1_772_452_805_900_000), moment(None), moment(10**30)
    ('2026-03-02 12:00:05', 'unknown', 'unknown')
    >>> moment(1_772_452_805_900_000, seconds=False)
    '2026-03-02 12:00'
    """
    if microseconds is None:
        return UNKNOWN
    try:
        time = _EPOCH + dt.timedelta(microseconds=microseconds)
    except OverflowError:
        return UNKNOWN
    return f"{time:%Y-%m-%d %H:%M:%S}" if seconds else f"{time:%Y-%m-%d %H:%M}"


def utc(microseconds: int | None, *, seconds: bool = True) -> str:
    """Return a time with its zone.

    Examples
    --------
    >>> utc(1_772_452_805_900_000), utc(None)
    ('2026-03-02 12:00:05 UTC', 'unknown')
    """
    shown = moment(microseconds, seconds=seconds)
    return shown if shown == UNKNOWN else f"{shown} UTC"


def counted(number: int, noun: str) -> str:
    """Return a number of things.

    Examples
    --------
    >>> counted(1, "alert"), counted(12_000, "alert")
    ('1 alert', '12,000 alerts')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def rarity(unit_p_value: float, things: str = "units") -> str:
    """Return how unusual something is.

    Examples
    --------
    >>> rarity(0.0000249), rarity(0.0)
    ('about 1 in 40,000 benign units', 'unlike all benign units')
    """
    return f"{odds(unit_p_value)} {things}" if unit_p_value > 0 else f"unlike all benign {things}"


def end_of(endpoint: Endpoint) -> str:
    """Return an end of a connection.

    Examples
    --------
    >>> end_of(Endpoint("fe80::1", 22)), end_of(Endpoint("10.0.0.5")), end_of(Endpoint(port=22))
    ('[fe80::1]:22', '10.0.0.5', 'port 22')
    """
    address, port = endpoint.address, endpoint.port
    if port is None:
        return address or UNKNOWN
    if address is None:
        return f"port {port}"
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def where(incident: Incident) -> str:
    """Return the ports and services of an incident, as ``port 22 (ssh)``; empty where unknown."""
    ports, services = incident.ports, incident.services
    named = f"port {ports}" if len(ports.values) == 1 else f"{ports} ports" if ports.values else ""
    if not services.values:
        return named
    more = " and others" if len(services.values) > 1 else ""
    return f"{named} ({services.values[0]}{more})" if named else f"{services.values[0]}{more}"
