"""Zeek's fields of a connection under the names that people's logs give them.

Names may be written with another separator than the dot (``id_orig_h``), and shippers put the
fields of a connection's ends into an object of its own or rename them to the Elastic Common Schema.
"""

from __future__ import annotations

CONNECTIONS = "conn"  # what Zeek calls the log
FIELDS = {
    "ts": "ts",
    "uid": "uid",
    "id_orig_h": "src_ip",
    "id_orig_p": "src_port",
    "id_resp_h": "dst_ip",
    "id_resp_p": "dst_port",
    "proto": "proto",
    "service": "service",
    "duration": "duration",
    "orig_bytes": "src_bytes",
    "resp_bytes": "dst_bytes",
    "orig_pkts": "src_packets",
    "resp_pkts": "dst_packets",
    "conn_state": "conn_state",
    "history": "history",
}
LABEL = "label"
FAMILY = ("detailed_label", "detailedlabel")


def plain_name(field: str) -> str:
    """Return a field's name with one kind of separator.

    Examples
    --------
    >>> plain_name("id.orig_h"), plain_name("detailed-label")
    ('id_orig_h', 'detailed_label')
    """
    return field.strip().replace(".", "_").replace("-", "_")
