"""In what the features of connections are measured."""

from __future__ import annotations

# By the end of a feature's name, without a time window; the first that fits.
_MEASURES = {
    "duration": "s",
    "bytes_per_second": "bytes/s",
    "packets_per_second": "packets/s",
    "bytes_per_packet": "bytes/packet",
    "share": "share",
    "bytes": "bytes",
    "packets": "packets",
    "connections": "connections",
    "peers": "hosts",
    "ports": "ports",
}


def measure_of(feature: str) -> str | None:
    """Return the measure of a numeric feature of connections.

    Examples
    --------
    >>> measure_of("src_bytes_10s"), measure_of("bytes_per_second"), measure_of("proto")
    ('bytes', 'bytes/s', None)
    """
    name, _, last = feature.rpartition("_")
    measured = name if last.endswith("s") and last[:-1].isdigit() else feature
    return next((measure for end, measure in _MEASURES.items() if measured.endswith(end)), None)
