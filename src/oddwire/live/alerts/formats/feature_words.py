"""Features of connections in words that need no table of features.

Columns of other sources are named as they are.
"""

from __future__ import annotations

import re
from math import isfinite

from oddwire.detection.among_benign import among_benign
from oddwire.live.alerts.reason import Reason
from oddwire.percent import percent
from oddwire.traffic.features.measures import measure_of

_WINDOW = re.compile(r"(src|dst|pair)_(connections|peers|ports|failure_share|bytes)_(10|60|600)s")
_SECONDS = re.compile(r"_\d+s$")
_TIMES = {"10": "10 s", "60": "a minute", "600": "10 minutes"}
_OF = {"src": "of the source", "dst": "of the target", "pair": "between the two"}
_COUNTED = {"src_peers": "targets", "dst_peers": "sources"}
_FAILED = "failed connections"
_NEW = "to a host new here"
_SHIFT = "src_port_size_shift"
_NAMES = {
    "duration": "lasted",
    "total_bytes": "bytes in all",
    "total_packets": "packets in all",
    "src_bytes": "bytes sent",
    "dst_bytes": "bytes answered",
    "src_packets": "packets sent",
    "dst_packets": "packets answered",
    "bytes_per_second": "bytes a second",
    "packets_per_second": "packets a second",
    "src_byte_share": "the source's share of the bytes",
    "src_packet_share": "the source's share of the packets",
    "src_bytes_per_packet": "bytes in a packet sent",
    "dst_bytes_per_packet": "bytes in a packet answered",
    "new_dst_connections": f"connections {_NEW}",
    "new_dst_bytes": f"bytes {_NEW}",
    "new_dst_interval_evenness": f"how evenly spaced calls are {_NEW}",
    "new_dst_size_evenness": f"how equal in size calls are {_NEW}",
    _SHIFT: "change in size of such connections of the source",
    "proto": "protocol",
    "conn_state": "state",
    "dst_port_class": "range of the port",
    "src_side": "side of the source",
    "dst_side": "side of the target",
}
# Degrees, of which a number says nothing.
_DEGREES = {
    "new_dst_interval_evenness": f"evenly spaced calls {_NEW}",
    "new_dst_size_evenness": f"calls of one size {_NEW}",
}
_SIZES = ("bytes", "kB", "MB", "GB", "TB", "PB")
_THOUSAND, _HUNDRED = 1000.0, 100.0


def in_words(reason: Reason) -> str:
    """Return a feature, its value and what is typical.

    Examples
    --------
    >>> in_words(Reason("src_peers_60s", 240.0, 3.0, 0.999, 0.0, 0.6))
    'targets of the source in a minute: 240 (typically 3)'
    >>> in_words(Reason("new_dst_bytes", 9.1e6, 0.0, 0.999, 0.0, 0.3))
    'bytes to a host new here: 9.1 MB (typically 0)'
    >>> in_words(Reason("service", "ssh", "ssl", None, 0.001, 0.2))
    'service: ssh (typically ssl)'
    """
    name = reason.feature
    if isinstance(reason.value, float):
        if name in _DEGREES and reason.value > 0:
            return _DEGREES[name]
        if name == _SHIFT:
            size = "larger" if reason.value > 0 else "smaller"
            return f"such connections of the source are {size} than usual"
    value, typical = (value_in_words(name, each) for each in (reason.value, reason.typical))
    return f"{feature_in_words(name)}: {value} (typically {typical})"


def against_benign(reason: Reason) -> str:
    """Return where a feature's value lies among those of benign rows.

    Examples
    --------
    >>> against_benign(Reason("src_peers_60s", 240.0, 3.0, 0.999, 0.0, 0.6))
    'above 99.9 % of benign rows'
    >>> against_benign(Reason("service", "ssh", "https", None, 0.02, 0.2))
    '2 % of benign rows have it'
    """
    return among_benign(reason.benign_quantile, reason.benign_share)


def without_time(name: str) -> str:
    """Return a feature's name without its time window: of two such, one says it.

    Examples
    --------
    >>> without_time("src_peers_60s")
    'src_peers'
    """
    return _SECONDS.sub("", name)


def feature_in_words(name: str) -> str:
    """Return what a feature is.

    Examples
    --------
    >>> feature_in_words("dst_failure_share_600s"), feature_in_words("my_column")
    ('failed connections of the target in 10 minutes', 'my_column')
    """
    if window := _WINDOW.fullmatch(name):
        key, what, seconds = window.groups()
        thing = _FAILED if what == "failure_share" else _COUNTED.get(f"{key}_{what}", what)
        return f"{thing} {_OF[key]} in {_TIMES[seconds]}"
    return _NAMES.get(name, name)


def value_in_words(name: str, value: float | str | None) -> str:
    """Return a feature's value.

    Examples
    --------
    >>> value_in_words("src_byte_share", 0.25), value_in_words("duration", 283.959)
    ('25 %', '284 s')
    >>> value_in_words("service", None), value_in_words("dst_bytes", 1_250_000.0)
    ('unknown', '1.25 MB')
    """
    if value is None:
        return "unknown"
    if isinstance(value, str) or not isfinite(value):
        return str(value)
    measure = measure_of(name) if feature_in_words(name) != name else None
    if measure == "share":
        return percent(value)
    if measure == "s":
        return f"{_number(value)} s"
    is_size = (measure or "").startswith("bytes") and abs(value) >= _THOUSAND
    return size(value) if is_size else _number(value)


def size(number: float) -> str:
    """Return bytes in the unit in which they are read best.

    Examples
    --------
    >>> size(999), size(1_234_567), size(999_999)
    ('999 bytes', '1.23 MB', '1 MB')
    >>> size(2**63)
    '9,223 PB'
    """
    power = 0
    while abs(float(f"{number:.3g}")) >= _THOUSAND and power < len(_SIZES) - 1:
        number, power = number / _THOUSAND, power + 1
    text = f"{number:.3g}"
    return f"{number:,.0f} {_SIZES[power]}" if "e+" in text else f"{text} {_SIZES[power]}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) or abs(value) >= _HUNDRED else f"{value:.3g}"
