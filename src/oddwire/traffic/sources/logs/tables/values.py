"""Columns of a table under our names → what `connections` types: moments, names, labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from oddwire.params.values.time_formats import TIME_UNITS
from oddwire.params.values.time_formats import TimeUnit as AnyUnit
from oddwire.traffic.labels import LabelRule
from oddwire.traffic.sources.logs.netflow.local_times import local_times
from oddwire.traffic.sources.logs.parsing.columns import BoolArray, seconds_between, texts
from oddwire.traffic.sources.logs.protocols import WITH_PORTS, protocol
from oddwire.traffic.sources.logs.tables.maps import PER_SECOND, TimeUnit
from oddwire.traffic.sources.times import epochs

_NO_RECORD = ("NODATA", "SKIPDATA")  # AWS: an interval without traffic, or not recorded
_RELATIVE = ("Wireshark conversations",)  # whose times may count from the start of a capture
# Words of a table for what it does not know; a label may be one of them and mean benign.
_NOTHING = pa.array([
    "", "-", "--", "?", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "None", "none",
    "\\N", "(empty)", "<NA>",
])  # fmt: skip
_LABELS = ("label", "attack")
Reasons = dict[int, str]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class TableSettings:
    """How a table is to be understood.

    Parameters
    ----------
    columns
        The table's name of a column by ours; None for a known export's names.
    named
        The same of columns that count whatever the names: of the others `columns` or a known
        export tells.
    time_format
        How times are written: a unit of numbers, or the words of strptime; None for ISO 8601, or
        numbers since 1970 of these decades.
    zone
        The zone of times that name none.
    labels
        What the texts of labels mean.
    """

    columns: Mapping[str, str] | None = None
    named: Mapping[str, str] = field(default_factory=dict)
    time_format: str | None = None
    zone: str = "UTC"
    labels: LabelRule = field(default_factory=LabelRule)

    @property
    def is_open(self) -> bool:
        """Whether nothing is said of the columns' names or times."""
        return self.columns is None and not self.named and self.time_format is None


def records(given: Mapping[str, pa.Array]) -> BoolArray | None:
    """Tell which rows record traffic, shape (n,); None where all do."""
    status = given.get("status")
    if status is None or pa.types.is_null(status.type):
        return None
    nothing = pc.is_in(texts(status), pa.array(_NO_RECORD))
    return None if not pc.any(nothing).as_py() else np.asarray(pc.invert(nothing), dtype=bool)


def typed(
    given: Mapping[str, pa.Array], settings: TableSettings, units: Mapping[str, TimeUnit], name: str
) -> tuple[dict[str, pa.Array], Reasons]:
    """Return the columns of connections, and why places are refused.

    Parameters
    ----------
    given
        Columns of a table under our names.
    units
        In what times and durations are, where not in seconds.
    name
        The program that wrote the table.
    """
    columns = dict(_plain(given))
    columns.pop("status", None)
    reasons: Reasons = {}
    for when in ("end", "ts"):
        if when in columns:
            columns[when], wrong = _moments(
                columns[when], when, settings, units, relative=name in _RELATIVE
            )
            reasons |= wrong
    if "duration" in columns and "duration" in units:
        columns["duration"] = _scaled(columns["duration"], PER_SECOND[units["duration"]])
    end = columns.pop("end", None)
    if end is not None and "duration" not in columns and "ts" in columns:
        columns["duration"] = seconds_between(columns["ts"], end)
    for what in ("bytes", "packets"):
        total = columns.pop(f"total_{what}", None)
        if total is not None and f"src_{what}" in columns and f"dst_{what}" not in columns:
            columns[f"dst_{what}"] = _rest(total, columns[f"src_{what}"])
    if "proto" in columns:
        _set_protocols(columns)
    if "label" in columns:
        columns |= settings.labels.columns(texts(columns["label"]), columns.get("attack"))
    if "campaign" in columns:
        columns["campaign"] = _of_attacks(columns["campaign"], columns.get("label"))
    return columns, reasons


def _plain(given: Mapping[str, pa.Array]) -> Iterator[tuple[str, pa.Array]]:
    """Give columns as numbers, times or text, whatever a file of Parquet has them as."""
    for name, values in given.items():
        column = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        kind = column.type
        if pa.types.is_null(kind):
            continue
        if pa.types.is_floating(kind):
            number = column.cast(pa.float64())
            yield name, pc.if_else(pc.is_nan(number), pa.scalar(None, pa.float64()), number)
        elif pa.types.is_duration(kind):
            yield name, _scaled(column.cast(pa.duration("us"), safe=False).cast(pa.int64()), 1e6)
        elif pa.types.is_integer(kind) or pa.types.is_timestamp(kind):
            yield name, column
        else:
            text = _as_text(column)
            yield name, text if name in _LABELS else _known(text)


def _known(text: pa.Array) -> pa.Array:
    nothing = pc.is_in(text, _NOTHING)
    return pc.if_else(nothing, None, text) if pc.any(nothing).as_py() else text


def _as_text(column: pa.Array) -> pa.Array:
    try:
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([None if one is None else str(one) for one in column.to_pylist()])


def _set_protocols(columns: dict[str, pa.Array]) -> None:
    names = [protocol(name) for name in texts(columns["proto"]).to_pylist()]
    columns["proto"] = pa.array(names, pa.string())
    has_ports = pa.array([name in WITH_PORTS for name in names], pa.bool_())
    for name in ("src_port", "dst_port"):  # of ICMP they are its type and code
        if name in columns:
            nothing = pa.scalar(None, columns[name].type)
            columns[name] = pc.if_else(has_ports, columns[name], nothing)


def _rest(total: pa.Array, sent: pa.Array) -> pa.Array:
    """Return what the other side sent; missing where the sum is no sum."""
    both, one = (
        pd.to_numeric(pd.Series(values.to_pylist(), dtype=object), errors="coerce").astype(float)
        for values in (total, sent)
    )
    rest = (both - one).where(both >= one)
    return pa.array(rest.to_numpy(), from_pandas=True)


def _moments(
    values: pa.Array,
    name: str,
    settings: TableSettings,
    units: Mapping[str, TimeUnit],
    *,
    relative: bool,
) -> tuple[pa.Array, Reasons]:
    said = settings.time_format
    if pa.types.is_timestamp(values.type):
        return _placed(values, settings.zone), {}
    if said is not None and said not in TIME_UNITS:
        return _by_format(values, name, said, settings.zone)
    numbers = pd.to_numeric(pd.Series(values.to_pylist(), dtype=object), errors="coerce")
    numbers = numbers.astype(float)
    if said is None and not numbers.notna().any():
        return local_times(texts(values), settings.zone, name=name)
    unit = said or units.get(name) or ("s" if relative else None)
    return _of_numbers(
        values, np.asarray(numbers, dtype=np.float64), name, unit, zone=settings.zone
    )


def _of_numbers(
    values: pa.Array, numbers: Numbers, name: str, unit: AnyUnit | None, *, zone: str
) -> tuple[pa.Array, Reasons]:
    """Return the times of a column of numbers, in which a text may be one of ISO 8601."""
    found = epochs.of_these_decades(numbers) if unit is None else epochs.from_numbers(numbers, unit)
    sound = found.notna().to_numpy() & (found >= pd.Timestamp(0, tz="UTC")).to_numpy()
    is_text = np.isnan(numbers)
    others, reasons = local_times(
        pc.if_else(pa.array(is_text), texts(values), pa.scalar(None, pa.string())), zone, name=name
    )
    wrong = np.flatnonzero(~is_text & ~sound).tolist()
    for place in wrong:
        reasons[place] = f"{name} is no time since 1970, got {values[place].as_py()!r:.80}"
    if wrong and unit is None:  # said once: it takes longer than reading a thousand rows
        reasons[wrong[0]] += f"; {epochs.refusal(float(numbers[wrong[0]]))}"
    moments = pa.array(found.where(sound).dt.as_unit("us"), pa.timestamp("us", tz="UTC"))
    return pc.coalesce(moments, others), reasons


def _by_format(values: pa.Array, name: str, form: str, zone: str) -> tuple[pa.Array, Reasons]:
    given = texts(values).to_pylist()
    zoned = "%z" in form
    moments = pd.to_datetime(
        pd.Series(given, dtype=object), format=form, errors="coerce", utc=zoned
    )
    wrong = {
        int(at): f"{name} must be written as {form}, got {given[at]!r:.80}"
        for at in np.flatnonzero(moments.isna())
        if given[at] is not None
    }
    array = pa.array(moments, from_pandas=True).cast(
        pa.timestamp("us", tz="UTC" if zoned else None), safe=False
    )
    return _placed(array, zone), wrong


def _placed(moments: pa.Array, zone: str) -> pa.Array:
    if moments.type.tz is not None:
        return moments
    return pc.assume_timezone(moments, zone, ambiguous="latest", nonexistent="latest")


def _of_attacks(campaigns: pa.Array, labels: pa.Array | None) -> pa.Array:
    """Return the campaigns of attacks: no other row has one."""
    if labels is None:
        return pa.nulls(len(campaigns), pa.string())
    return pc.if_else(pc.fill_null(pc.equal(labels, 1), False), texts(campaigns), None)


def _scaled(values: pa.Array, per_second: float) -> pa.Array:
    if not pa.types.is_string(values.type):
        return pc.divide(pc.cast(values, pa.float64()), per_second)
    given = values.to_pylist()
    numbers = pd.to_numeric(pd.Series(given, dtype=object), errors="coerce") / per_second
    # What is no number stays as it is, to be refused under its own text.
    scaled = [
        value if np.isnan(number) else repr(number)
        for value, number in zip(given, numbers.to_list(), strict=True)
    ]
    return pa.array(scaled, pa.string())
