"""Sources whose files are logs: what all of them can set, and one class per format.

Their files are read as the programs wrote them, in the order of the log, and are many: a log that
is rotated has one per hour or day.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from oddwire.params.source_settings import ConnectionUnit, RowKind, SourceSettings, as_list
from oddwire.params.values.paths import FilePattern, is_text
from oddwire.params.values.time_formats import TimeFormat
from oddwire.params.values.zones import Zone
from oddwire.params.watch import Watched

_SHOWN = 3  # files of a list that are named

ConnectionColumn = Literal[
    "ts", "end", "uid", "src_ip", "src_port", "dst_ip", "dst_port", "proto", "service", "duration",
    "src_bytes", "dst_bytes", "total_bytes", "src_packets", "dst_packets", "total_packets",
    "conn_state", "history",
]  # fmt: skip
_NEEDED = ("ts", "src_ip", "dst_ip")


def _check_text(pattern: str) -> str:
    if not is_text(pattern):
        raise PydanticCustomError("path", "must be text")
    return pattern


def _check_labels(labels: Any) -> Any:
    for value in labels if isinstance(labels, list | tuple) else ():
        if isinstance(value, bool):  # `benign: [no]` is no word in YAML
            raise PydanticCustomError(
                "label", "must be in quotes where YAML reads a word as a truth value",
                {"got": value},
            )  # fmt: skip
    return labels


Labels = Annotated[tuple[str | int | float, ...], BeforeValidator(_check_labels)]


class LogSource(SourceSettings):
    """Log files of connections.

    Parameters
    ----------
    files
        Paths and glob patterns; relative ones are in the project's folder.
    max_refused_share
        The largest share of a file's lines that may be refused. Above it the file is an error;
        three lines may be in any case, unless it is 0.
    train_days
        How many of the newest days are trained on; None for all.
    unit
        The columns that name whom a connection's alerts are counted with; None for ``src_ip``.
    watch
        How it is followed; None where it is not. No row that is read depends on it.

    Attributes
    ----------
    in_log_order
        Whether a file has its rows in the order in which they were known.
    """

    row_kind: ClassVar[RowKind] = "connections"
    reader: ClassVar[str | None] = "log_source"
    in_log_order: ClassVar[bool] = True

    files: Annotated[
        tuple[Annotated[FilePattern, AfterValidator(_check_text)], ...],
        BeforeValidator(as_list),
        Field(min_length=1),
    ]
    max_refused_share: float = Field(0.01, ge=0, le=1)
    train_days: int | None = Field(None, ge=1, le=36_600)
    unit: ConnectionUnit | None = None
    watch: Watched = None

    @model_validator(mode="after")
    def _follow_what_grows(self) -> Self:
        if self.watch is not None and not self.grows:
            raise PydanticCustomError(
                "watch", "must be left out: files of this format cannot be read while they grow",
                {"below": "watch", "got": True},
            )  # fmt: skip
        return self

    @property
    def logs(self) -> tuple[str, ...]:
        """Paths and glob patterns of its log files."""
        return self.files

    def rows_from(self) -> str:
        """Name its files, the first few of many."""
        more = len(self.files) - _SHOWN
        named = ", ".join(self.files[:_SHOWN])
        return f"{named} and {more} more" if more > 0 else named


class LabelledLogSource(LogSource):
    """Log files that may have labels.

    Parameters
    ----------
    benign, unknown
        What a label says of a benign connection, in place of the usual words, and of one that
        nobody judged, beside those that always say so. Any other is an attack.
    """

    benign: Annotated[Labels, Field(min_length=1)] | None = None
    unknown: Labels | None = None


class LocalTimesSource(LabelledLogSource):
    """Log files whose times often name no zone.

    Parameters
    ----------
    zone
        The time zone of times that name none.
    """

    zone: Zone = "UTC"


class ZeekSource(LabelledLogSource):
    """Zeek's conn.log, in its own form or in JSON, labelled or not."""

    grows: ClassVar[bool] = True

    format: Literal["zeek"]


class SuricataSource(LogSource):
    """Suricata's EVE: its events of flows and netflow.

    Parameters
    ----------
    alerts
        Whether a connection that Suricata alerted on counts as an attack.
    """

    grows: ClassVar[bool] = True

    format: Literal["suricata"]
    alerts: Literal["ignore", "label"] = "ignore"


class NetflowSource(LocalTimesSource):
    """NetFlow and IPFIX as nfdump writes them (CSV, JSON), and Argus's binetflow."""

    grows: ClassVar[bool] = True

    format: Literal["netflow"]


class PcapSource(LogSource):
    """Captures of packets, pcap and pcapng."""

    format: Literal["pcap"]


class ConnectionsSource(LocalTimesSource):
    """Tables in which a row is a connection: CSV, Parquet, lines of JSON.

    Parameters
    ----------
    columns
        The table's name of a column by that of the connection schema; None where the names are
        those of an export that is known.
    label, attack, campaign
        The columns of labels, of attack families and of campaigns, where an export that is known
        has others or none.
    time_format
        How times are written: `s`, `ms`, `us` or `ns` since 1970, `excel`, `filetime`, or in the
        words of strptime. None for ISO 8601, or numbers since 1970 of these decades.
    """

    in_log_order: ClassVar[bool] = False

    format: Literal["connections"]
    columns: dict[ConnectionColumn, str] | None = None
    label: str | None = None
    attack: str | None = None
    campaign: str | None = None
    time_format: TimeFormat | None = None

    @field_validator("columns")
    @classmethod
    def _name_what_is_needed(
        cls, columns: dict[ConnectionColumn, str] | None
    ) -> dict[ConnectionColumn, str] | None:
        if columns is not None and (absent := [name for name in _NEEDED if name not in columns]):
            raise PydanticCustomError(
                "columns", "must also name {absent}",
                {"absent": " and ".join(absent), "got": ", ".join(columns) or "nothing"},
            )  # fmt: skip
        return columns
