"""What each format of logs may hold and how it is understood: for whole files and for chunks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from oddwire.params import LabelledLogSource, NetflowSource, SourceSettings, SuricataSource
from oddwire.params.values.labels import BENIGN
from oddwire.traffic.labels import LabelRule
from oddwire.traffic.sources.logs.growing.chunks import ChunkReader
from oddwire.traffic.sources.logs.reading import LogSettings
from oddwire.traffic.sources.logs.recognising import LogKind


@dataclass(frozen=True)
class LogFormat:
    """A format whose files `read_log` reads.

    Parameters
    ----------
    kinds
        The kinds of logs that its files may be.
    settings
        What the block of a source says of how they are understood.
    """

    kinds: tuple[LogKind, ...]
    settings: Callable[[Any], LogSettings]


def labels_of(source: LabelledLogSource) -> LabelRule:
    """Return what the labels of a source mean."""
    return LabelRule(benign=source.benign or BENIGN, unknown=source.unknown or ())


def chunk_reader(source: SourceSettings) -> ChunkReader | None:
    """Return what reads the logs of a source while they are written, None where none can."""
    if not source.grows:
        return None
    found = LOG_FORMATS[source.format]
    return ChunkReader(found.settings(source), found.kinds)


def _zeek(source: LabelledLogSource) -> LogSettings:
    return LogSettings(labels=labels_of(source))


def _suricata(source: SuricataSource) -> LogSettings:
    return LogSettings(alerts=source.alerts)


def _netflow(source: NetflowSource) -> LogSettings:
    return LogSettings(labels=labels_of(source), zone=source.zone)


def _pcap(_: SourceSettings) -> LogSettings:
    return LogSettings()


LOG_FORMATS: dict[str, LogFormat] = {
    "zeek": LogFormat(("zeek_tsv", "zeek_json"), _zeek),
    "suricata": LogFormat(("suricata",), _suricata),
    "netflow": LogFormat(("nfdump", "argus"), _netflow),
    "pcap": LogFormat(("pcap",), _pcap),
}
