"""One file of any kind of log → its connections, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from oddwire.errors import DataError
from oddwire.traffic.labels import LabelRule
from oddwire.traffic.sources.logs import LogPart, captures, suricata
from oddwire.traffic.sources.logs.interim import last_of_each
from oddwire.traffic.sources.logs.netflow import argus, nfdump
from oddwire.traffic.sources.logs.parsing.columns import LOG_SCHEMA
from oddwire.traffic.sources.logs.parsing.lines import (
    BLOCK_BYTES,
    NO_END,
    Block,
    read_blocks,
    read_pieces,
)
from oddwire.traffic.sources.logs.recognising import LogKind, head_of, is_blank, recognised
from oddwire.traffic.sources.logs.zeek import json, tsv
from oddwire.traffic.wire_text import shown_path

_NAMES: dict[LogKind, str] = {
    "zeek_tsv": "a conn.log of Zeek",
    "zeek_json": "Zeek's conn.log in JSON",
    "suricata": "Suricata's EVE",
    "argus": "a binetflow of Argus",
    "nfdump": "CSV or JSON of nfdump",
    "pcap": "a capture",
}


@dataclass(frozen=True)
class LogSettings:
    """How the logs of a source are to be understood.

    Parameters
    ----------
    labels
        What the texts of labels mean.
    zone
        The zone of times that name none.
    alerts
        Whether an alert of Suricata labels its flow as an attack.
    """

    labels: LabelRule = field(default_factory=LabelRule)
    zone: str = "UTC"
    alerts: Literal["ignore", "label"] = "ignore"


def read_log(
    file: Path,
    settings: LogSettings | None = None,
    *,
    kinds: tuple[LogKind, ...] | None = None,
    size: int = BLOCK_BYTES,
) -> Iterator[LogPart]:
    """Read the connections of a log file in bounded memory.

    Parameters
    ----------
    kinds
        The kinds that the file may be of; any by default.
    size
        About how many bytes of a file are read at once.

    Raises
    ------
    DataError
        If the file cannot be read, or is of another kind.
    """
    settings = settings or LogSettings()
    kind = recognised(file)
    if kind is None and is_blank(file):
        every = read_blocks(file, size=size)
        yield from (LogPart(LOG_SCHEMA.empty_table(), cut=one.cut) for one in every if one.cut)
        return
    if kind is None or (kinds is not None and kind not in kinds):
        raise expected(kinds, kind, shown_path(file))
    if kind == "pcap":
        yield from captures.read(file)
        return
    cut: list[str] = []
    spread = nfdump.is_spread(head_of(file))

    def blocks() -> Iterator[Block]:
        pieces = read_pieces if kind == "nfdump" and spread else read_blocks
        for block in pieces(file, size=size):
            no_end = block.data[-1:] not in (b"\n", b"") and not spread
            reason = block.cut or (NO_END if no_end else "")
            cut[:] = [reason] if reason else []
            yield block

    yield from _parts(blocks, kind, settings, str(file))
    if cut:
        yield LogPart(LOG_SCHEMA.empty_table(), cut=cut[0])


def expected(kinds: tuple[LogKind, ...] | None, got: LogKind | None, origin: str) -> DataError:
    """Return the error of a log of another kind than expected."""
    wanted = " or ".join(_NAMES[one] for one in kinds or ()) or "a log of connections"
    found = "a file of another kind" if got is None else _NAMES[got]
    return DataError(f"{origin}: expected {wanted}, got {found}")


def _parts(
    blocks: Callable[[], Iterator[Block]], kind: LogKind, settings: LogSettings, origin: str
) -> Iterator[LogPart]:
    match kind:
        case "zeek_tsv":
            read = partial(tsv.read, origin=origin, labels=settings.labels)
            yield from last_of_each(lambda: read(blocks()), tsv.uids(blocks(), origin=origin))
        case "zeek_json":
            decode = partial(json.read, origin=origin, labels=settings.labels)
            yield from last_of_each(lambda: decode(blocks()), json.uids(blocks()))
        case "suricata":
            yield from suricata.read(blocks(), origin=origin, alerts=settings.alerts)
        case "argus":
            yield from argus.read(
                blocks(), origin=origin, zone=settings.zone, labels=settings.labels
            )
        case "nfdump":
            yield from nfdump.read(blocks(), origin=origin, zone=settings.zone)
