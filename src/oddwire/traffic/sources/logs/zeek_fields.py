"""Zeek's fields of a connection under the names that people's logs give them, and their labels.

Names may be written with another separator than the dot (``id_orig_h``), and shippers put the
fields of a connection's ends into an object of its own or rename them to the Elastic Common Schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

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
UNKNOWN = ("-", "", "(empty)", "unknown", "background", "none", "nan", "no label", "unlabeled")
BENIGN = ("benign", "normal")
# The text alone says that it is an attack; which one stands in the detailed label, if anywhere.
_SAYS_ATTACK = "malicious"


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
        text = _trimmed(label)
        benign = pc.is_in(text, pa.array([*map(str.lower, self.benign)]))
        unknown = pc.or_(
            pc.is_null(text), pc.is_in(text, pa.array([*map(str.lower, self.unknown)], pa.string()))
        )
        attack = pc.invert(pc.or_(benign, unknown))
        if self.attack is not None:
            attack = pc.is_in(text, pa.array([*map(str.lower, self.attack)], pa.string()))
        codes = pc.if_else(attack, 1, pc.if_else(benign, 0, pa.scalar(None, pa.int8())))
        named = _trimmed(label, lower=False)
        if family is not None:
            detail = _trimmed(family, lower=False)
            empty = pc.is_in(pc.utf8_lower(detail), pa.array([*map(str.lower, self.unknown)], pa.string()))
            named = pc.coalesce(pc.if_else(empty, pa.scalar(None, pa.string()), detail), named)
        return {
            "label": pc.cast(codes, pa.int8()),
            "attack": pc.if_else(attack, named, pa.scalar(None, pa.string())),
        }


def _trimmed(column: pa.Array, *, lower: bool = True) -> pa.Array:
    text = pc.utf8_trim_whitespace(pc.cast(column, pa.string()))
    return pc.utf8_lower(text) if lower else text
