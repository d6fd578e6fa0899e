"""Argus' bidirectional flows (``.binetflow``), as CTU-13 and Stratosphere publish them.

Values stand between commas or tabs. ``SrcBytes`` is what the first side sent, ``TotBytes`` what
both did; ports of ICMP are its type and code and count as none. A label tells the botnet's, the
normal and the background connections: what is background is unknown, not an attack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from oddwire.errors import DataError, listed
from oddwire.traffic.labels import LabelRule
from oddwire.traffic.sources.logs import LogPart
from oddwire.traffic.sources.logs.netflow.local_times import local_times
from oddwire.traffic.sources.logs.parsing.columns import (
    connections,
    too_long,
    with_refused,
)
from oddwire.traffic.sources.logs.parsing.delimited import Form, first_line, parse
from oddwire.traffic.sources.logs.parsing.json_lines import times
from oddwire.traffic.sources.logs.parsing.lines import Block
from oddwire.traffic.sources.logs.protocols import (
    ACK,
    FIN,
    RST,
    SYN,
    WITH_PORTS,
    protocol,
    tcp_state,
)

_FIELDS = {
    "StartTime": "ts",
    "Dur": "duration",
    "Proto": "proto",
    "SrcAddr": "src_ip",
    "Sport": "src_port",
    "DstAddr": "dst_ip",
    "Dport": "dst_port",
    "State": "conn_state",
    "TotPkts": "packets",
    "TotBytes": "bytes",
    "SrcBytes": "src_bytes",
    "SrcPkts": "src_packets",
    "Label": "label",
}
_NEEDED = ("StartTime", "Proto", "SrcAddr", "DstAddr")
_WITH_PORTS = (*WITH_PORTS, "rtp", "rtcp", "udt")
_WORDS = {
    "REQ": "S0",
    "INT": "S0",
    "ECO": "S0",
    "ECR": "SF",
    "FIN": "SF",
    "CLO": "SF",
    "RST": "RSTO",
}
_EPOCH = r"^[0-9]{9,10}(\.[0-9]*)?$"  # what Argus can be told to print: seconds since 1970
_USUAL = LabelRule()
_FLAGS = {"F": FIN, "S": SYN, "R": RST, "A": ACK}
_NUMBERS = {
    "duration": pa.float64(),
    **dict.fromkeys(("packets", "bytes", "src_bytes", "src_packets"), pa.int64()),
}


def read(
    blocks: Iterable[Block], *, origin: str, zone: str = "UTC", labels: LabelRule = _USUAL
) -> Iterator[LogPart]:
    """Read the connections of a file.

    Parameters
    ----------
    blocks
        The lines of a file, from its header on.
    origin
        What to call the file in an error.
    zone
        The zone of its times, which name none.
    labels
        What the texts of labels mean.

    Raises
    ------
    DataError
        If the header lacks a column without which a row is no connection.
    """
    form = None
    for given in blocks:
        block = given
        if form is None:
            block, header = first_line(given)
            form = _form(header, origin)
        rows = parse(block, form)
        columns, reasons = _columns(rows.columns, zone, labels)
        part = connections(
            columns, rows.lines, rows.block.line, reasons=reasons | rows.reasons, only_ip=False
        )
        yield with_refused(part, (*too_long(given), *rows.refused))


def _form(header: str, origin: str) -> Form:
    separator = "\t" if "\t" in header else ","
    names = [name.strip() for name in header.split(separator)]
    if absent := [name for name in _NEEDED if name not in names]:
        raise DataError(
            f"{origin}: a file of Argus needs the column {absent[0]!r}, got {listed(names, 30)}"
        )
    wanted = {at: _FIELDS[name] for at, name in enumerate(names) if name in _FIELDS}
    return Form(
        wanted, width=len(names), separator=separator, numbers=_NUMBERS, header=header.encode()
    )


def _columns(
    given: Mapping[str, pa.Array], zone: str, labels: LabelRule
) -> tuple[dict[str, pa.Array], dict[int, str]]:
    columns = dict(given)
    columns["ts"], reasons = _moments(given["ts"], zone)
    protocols = [protocol(name) for name in given["proto"].to_pylist()]
    columns["proto"] = pa.array(protocols, pa.string())
    has_ports = pa.array([name in _WITH_PORTS for name in protocols], pa.bool_())
    for name in ("src_port", "dst_port"):
        if name in given:
            columns[name] = pc.if_else(has_ports, given[name], pa.scalar(None, pa.string()))
    for what in ("bytes", "packets"):
        sent, total = columns.get(f"src_{what}"), columns.pop(what, None)
        if sent is not None and total is not None:
            columns[f"dst_{what}"] = _rest(total, sent)
    if "conn_state" in given:
        columns["conn_state"] = _states(given["conn_state"], protocols)
    if "label" in given:
        columns |= labels.columns(given["label"])
    return columns, reasons


def _moments(given: pa.Array, zone: str) -> tuple[pa.Array, dict[int, str]]:
    if pc.any(pc.match_substring_regex(given, _EPOCH)).as_py():
        return times(given.to_pylist())
    return local_times(given, zone)


def _rest(total: pa.Array, sent: pa.Array) -> pa.Array:
    """Return what the other side sent; missing where the sum is no sum."""
    if pa.types.is_string(total.type) or pa.types.is_string(sent.type):
        total, sent = (
            pa.array(
                pd.to_numeric(one.to_pandas(), errors="coerce").astype(float), from_pandas=True
            )
            for one in (total, sent)
        )
    rest = pc.subtract(total, sent)
    return pc.if_else(pc.greater_equal(rest, 0), rest, pa.scalar(None, rest.type))


def _states(given: pa.Array, protocols: Sequence[str | None]) -> pa.Array:
    return pa.array(map(_state, given.to_pylist(), protocols), pa.string())


def _state(text: str | None, name: str | None) -> str | None:
    if text is None:
        return None
    sent, between, received = text.partition("_")
    if between:
        return tcp_state(_flags(sent), _flags(received), replied=bool(received))
    if text in ("CON", "ACC", "EST"):
        return "S1" if name == "tcp" else "SF"
    return _WORDS.get(text)


def _flags(letters: str) -> int:
    return sum(_FLAGS.get(letter, 0) for letter in set(letters))
