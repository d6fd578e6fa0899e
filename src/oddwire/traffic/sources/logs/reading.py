"""One file of any kind of log → its connections, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from oddwire.errors import DataError
from oddwire.traffic.labels import LabelRule
from oddwire.traffic.sources.logs import LogPart, captures, suricata
from oddwire.traffic.sources.logs.netflow import argus, nfdump
from oddwire.traffic.sources.logs.parsing.lines import BLOCK_BYTES, read_blocks
from oddwire.traffic.sources.logs.recognising import LogKind, recognised
from oddwire.traffic.sources.logs.zeek import json, tsv


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
    if kind is None or (kinds is not None and kind not in kinds):
        wanted = ", ".join(kinds or ("a log of connections",))
        raise DataError(f"{file}: expected {wanted}, got {kind or 'a file of another kind'}")
    if kind == "pcap":
        yield from captures.read(file)
        return
    blocks, origin = read_blocks(file, size=size), str(file)
    match kind:
        case "zeek_tsv":
            yield from tsv.read(blocks, origin=origin, labels=settings.labels)
        case "zeek_json":
            yield from json.read(blocks, origin=origin, labels=settings.labels)
        case "suricata":
            yield from suricata.read(blocks, origin=origin, alerts=settings.alerts)
        case "argus":
            yield from argus.read(blocks, origin=origin, zone=settings.zone)
        case "nfdump":
            yield from nfdump.read(blocks, origin=origin, zone=settings.zone)
