"""A file that was cut to its beginning after all of it was read: its rows are there already.

The longer file has gone, so that only its rows can tell. Without this, a log that is looked at
while it is copied anew would have its first rows twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from oddwire.traffic.archive.parts import ROW_GROUP, read_pieces
from oddwire.traffic.archive.records import PartRecord


def find_longer(part: PartRecord, others: Iterable[PartRecord], folder: Path) -> PartRecord | None:
    """Return the part of a longer file that begins with all rows of a part, if there is one."""
    for other in others:
        if _may_begin_with(other, part) and _begins_with(other.file(folder), part.file(folder)):
            return other
    return None


def _may_begin_with(longer: PartRecord, part: PartRecord) -> bool:
    return (
        part.rows > 0
        and (part.first, part.reading) == (longer.first, longer.reading)
        and part.size < longer.size
        and part.rows <= longer.rows
        # The line in which the file is cut may be a whole one of the longer file.
        and part.refused <= longer.refused + bool(part.cut)
        and all(longer.heads.get(name) == head for name, head in part.heads.items())
    )


def _begins_with(longer: Path, shorter: Path) -> bool:
    # Parts have row groups of one size, so that their pieces begin at the same rows.
    pairs = zip(
        read_pieces(shorter, rows=ROW_GROUP), read_pieces(longer, rows=ROW_GROUP), strict=False
    )
    return all(one.table.equals(other.table.slice(0, len(one.table))) for one, other in pairs)
