"""The format that files have, and the keys of a block that reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oddwire.errors import DataError, listed
from oddwire.traffic.sources import nsl_kdd
from oddwire.traffic.sources.logs.recognising import LogKind, is_blank, recognised
from oddwire.traffic.sources.logs.tables.maps import known_export, plain
from oddwire.traffic.sources.logs.tables.names import column_names, first_line, first_record
from oddwire.traffic.wire_text import shown_path

FORMATS: dict[LogKind, str] = {
    "zeek_tsv": "zeek", "zeek_json": "zeek", "suricata": "suricata", "argus": "netflow",
    "nfdump": "netflow", "pcap": "pcap",
}  # fmt: skip
_CONNECTIONS, _TABLE, _NSL_KDD = "connections", "table", "nsl-kdd"
_PROTOCOLS = ("tcp", "udp", "icmp")
# What people call such columns, in small letters and digits alone; the first that is there counts.
_LABELS = ("label", "labels", "class", "islabel", "isattack", "attack", "target", "outcome", "y")
_FAMILIES = ("attackcat", "attacktype", "attackcategory", "detailedlabel", "attack", "category")
_CAMPAIGNS = ("campaign", "campaignid", "attackcampaign")
_TIMES = ("timestamp", "ts", "time", "datetime", "stime", "starttime", "start", "date", "flowstart")
_TEST = re.compile(r"(?i)(?<![a-z])(test|testing)(?![a-z])")


@dataclass(frozen=True)
class Asked:
    """What somebody says of their files; what is left out is found out, or left to its default.

    Parameters
    ----------
    format
        The name of a format.
    columns
        The file's name of a column by that of the connection schema.
    label, benign, zone
        As in ``params.yaml``.
    watch
        Whether it is to be watched, beginning with what is there.
    """

    format: str | None = None
    columns: dict[str, str] | None = None
    label: str | None = None
    benign: tuple[str, ...] = ()
    zone: str | None = None
    watch: bool = False

    def keys(self) -> dict[str, Any]:
        """Return the keys of a block that say it."""
        keys = {
            "columns": self.columns, "label": self.label, "benign": [*self.benign],
            "zone": self.zone, "watch": {"from_start": True} if self.watch else None,
        }  # fmt: skip
        return {key: value for key, value in keys.items() if value}


def block_of(patterns: Sequence[str], files: Sequence[Path], asked: Asked) -> dict[str, Any]:
    """Return the block that reads some files.

    Parameters
    ----------
    patterns
        The files as ``params.yaml`` is to name them.
    files
        The files themselves.

    Raises
    ------
    DataError
        If the files are of different formats, or of none that can be read.
    """
    name = asked.format or ("connections" if asked.columns else _format(files))
    if name in (_TABLE, _NSL_KDD):
        roles = _roles(files[0], asked) if name == _TABLE else {}
        return {"format": name, **_train_and_test(patterns, files), **roles}
    named = list(patterns) if len(patterns) > 1 else patterns[0]
    return {"format": name, "files": named, **asked.keys()}


def _format(files: Sequence[Path]) -> str:
    # An hour without traffic leaves a file that is of no format, or of any.
    first, *others = [file for file in files if not is_blank(file)] or files[:1]
    name = _format_of(first)
    for file in others:
        if (other := _format_of(file)) != name:
            raise DataError(
                f"one source has files of one format: {shown_path(first)} is {name} and"
                f" {shown_path(file)} {other}"
            )
    return name


def _format_of(file: Path) -> str:
    if (kind := recognised(file)) is not None:
        return FORMATS[kind]
    cells = first_line(file).decode("utf-8", "replace").split(",")
    if len(cells) == len(nsl_kdd.COLUMNS) and cells[1] in _PROTOCOLS:
        return _NSL_KDD
    names = column_names(file)
    if known_export(names) is not None:
        return _CONNECTIONS
    if first_record(file) is not None:
        raise DataError(
            f"{shown_path(file)}: lines of JSON whose names are of no known log,"
            f" {listed(names, 20)}: say by --column ts=… --column src_ip=… --column dst_ip=… which"
            " is which"
        )
    return _TABLE


def _train_and_test(patterns: Sequence[str], files: Sequence[Path]) -> dict[str, Any]:
    named = dict(zip(patterns, files, strict=False))
    tests = [pattern for pattern in patterns if _TEST.search(Path(pattern).name)]
    match len(patterns), len(files), len(tests):
        case 1, 1, _:
            return {"train": patterns[0]}
        case 2, 2, 1:
            train = next(pattern for pattern in named if pattern not in tests)
            return {"train": train, "test": tests[0]}
    raise DataError(
        "a table is one file, or two of which one is called test: put the files together, or, if a"
        " row is a connection, say by --column ts=… --column src_ip=… --column dst_ip=… how its"
        " columns are called"
    )


def _roles(file: Path, asked: Asked) -> dict[str, Any]:
    names = {plain(name): name for name in reversed(column_names(file))}
    keys = asked.keys()
    label = asked.label or _first(names, _LABELS)
    family = _first(names, _FAMILIES) if label else None
    roles = {"label": label, "attack": family if family != label else None}
    roles["campaign"] = _first(names, _CAMPAIGNS) if label else None
    roles["time"] = _first(names, _TIMES)
    return {key: name for key, name in roles.items() if name} | keys


def _first(names: dict[str, str], wanted: Sequence[str]) -> str | None:
    return next((names[name] for name in wanted if name in names), None)
