"""Zeek's fields of a connection under the names that people's logs give them, and their labels.

Names may be written with another separator than the dot (``id_orig_h``), and shippers put the
fields of a connection's ends into an object of its own or rename them to the Elastic Common Schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

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
UNKNOWN = (
    "-", "", "(empty)", "unknown", "background", "none", "null", "nan", "n/a", "na", "?",
    "no label", "needmanuallabel", "unlabeled", "unlabelled",
)  # fmt: skip
BENIGN = ("benign", "normal", "0", "0.0", "false")
_NO_FAMILY = ("1", "1.0", "true")  # of an attack whose kind is not told
_BENIGN, _ATTACK, _UNKNOWN = (pa.scalar(code, pa.int8()) for code in (0, 1, None))
_NO_TEXT = pa.scalar(None, pa.string())


def plain_name(field: str) -> str:
    """Return a field's name with one kind of separator.

    Examples
    --------
    >>> plain_name("id.orig_h"), plain_name("detailed-label")
    ('id_orig_h', 'detailed_label')
    """
    return field.strip().replace(".", "_").replace("-", "_")


@dataclass(frozen=True)
class LabelRule:
    """How the text of a label is to be understood; letters' case does not matter.

    Parameters
    ----------
    benign, unknown
        Texts that mean so.
    attack
        Texts that mean an attack; None for all others.
    """

    benign: Sequence[str] = BENIGN
    unknown: Sequence[str] = UNKNOWN
    attack: Sequence[str] | None = None

    def columns(self, label: pa.Array, family: pa.Array | None = None) -> dict[str, pa.Array]:
        """Return ``label`` and ``attack`` of rows by the texts of their labels."""
        text, unknown = _trimmed(label), _lowered(self.unknown)
        benign = pc.is_in(text, _lowered(self.benign))
        no_attack = pc.or_(pc.or_(benign, pc.is_null(text)), pc.is_in(text, unknown))
        attack = pc.invert(no_attack)
        if self.attack is not None:
            attack = pc.is_in(text, _lowered(self.attack))
        named = _trimmed(label, lower=False)
        if family is not None:
            detail = _trimmed(family, lower=False)
            empty = pc.is_in(pc.utf8_lower(detail), unknown)
            named = pc.coalesce(pc.if_else(empty, _NO_TEXT, detail), named)
        named = pc.if_else(pc.is_in(pc.utf8_lower(named), _lowered(_NO_FAMILY)), _NO_TEXT, named)
        return {
            "label": pc.if_else(attack, _ATTACK, pc.if_else(benign, _BENIGN, _UNKNOWN)),
            "attack": pc.if_else(attack, named, _NO_TEXT),
        }


def _lowered(texts: Sequence[str]) -> pa.Array:
    return pa.array([text.lower() for text in texts], pa.string())


def _trimmed(column: pa.Array, *, lower: bool = True) -> pa.Array:
    text = pc.utf8_trim_whitespace(pc.cast(column, pa.string()))
    return pc.utf8_lower(text) if lower else text
