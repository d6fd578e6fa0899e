"""Any table: a row per connection, a column per feature, in CSV or Parquet.

Which columns are features follows from the train file: all that are not named under ``label``,
``attack``, ``campaign``, ``time`` or ``drop``, and are none of oddwire's identifiers (``uid``,
``src_ip``, ``src_port``, ``dst_ip``, ``dst_port``), which are kept as text, apart from the
features. Other names that oddwire reserves (``label``, ``attack``, ``campaign``, ``ts``, ``unit``)
must be used as such or be dropped: a forgotten label must not become a feature. Columns that name
the unit of a row stay features, unless they are dropped or identifiers.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from oddwire.errors import DataError, listed, short_repr
from oddwire.params import TableSource
from oddwire.traffic.archive import SourceBatches
from oddwire.traffic.labels import LabelRule, LabelsSeen
from oddwire.traffic.schema import (
    ATTACK,
    CAMPAIGN,
    LABEL,
    TABLE_IDENTIFIERS,
    TIME,
    UNIT,
    FeatureSchema,
)
from oddwire.traffic.sources.reading.column_roles import (
    Roles,
    build_frame,
    refuse_duplicate_columns,
)
from oddwire.traffic.sources.reading.column_types import ColumnTypes, given_types, infer_types
from oddwire.traffic.sources.reading.column_values import label_counts, time_form, times
from oddwire.traffic.sources.reading.file_batches import FileBatches
from oddwire.traffic.sources.reading.files import locate
from oddwire.traffic.sources.reading.raw_file import RawFile, open_raw
from oddwire.traffic.sources.reading.time_order import in_time_order
from oddwire.traffic.sources.reading.values.spelling import Spelling
from oddwire.traffic.sources.times.form import TimeForm

MOST_FEATURES = 1000
_KEY_FOR = {LABEL: "label", ATTACK: "attack", TIME: "time", CAMPAIGN: "campaign", UNIT: "unit"}


def open_source(source: TableSource, *, root: Path, rows: int | None = None) -> SourceBatches:
    """Open the train file, and the test file with the columns that the train file has.

    Raises
    ------
    DataError
        If a file or a column is not what the source promises.
    """
    raw = _open(source, locate(source.train, root), rows)
    types = _column_types(raw, source)
    roles = _roles(source, types.schema)
    test = None
    if source.test is not None:
        raw_test = _open(source, locate(source.test, root), rows)
        test = _by_time(_typed(raw_test, roles, source.time_format, for_scoring=False))
    remarks = _look_at_labels(source.label, roles, raw, None if test is None else raw_test)
    train = _by_time(_typed(raw, roles, source.time_format, for_scoring=False))
    return SourceBatches(train, test, roles.schema, (*remarks, *types.remarks))


def _look_at_labels(
    label: str | None, roles: Roles, train: RawFile, test: RawFile | None
) -> tuple[str, ...]:
    """Return what the labels were taken for, in words."""
    if label is None:
        return ()
    seen = LabelsSeen(label, roles.labels)
    for file in (train, test):
        if file is None or label not in file.names:  # which is another error, of the test file
            continue
        for batch in file.batches([label]):
            seen.add(label_counts(batch, label))
        last = file is test or test is None  # a test file may have the only labels
        if (fault := seen.fault()) and (last or seen.rows[1]):
            raise DataError(f"{train.file}: {fault}")
    return (seen.sentence,)


def open_file(
    source: TableSource,
    file: Path,
    *,
    schema: FeatureSchema | None = None,
    rows: int | None = None,
) -> FileBatches:
    """Open one file, at most so many rows at once; with a schema, only its columns count.

    Raises
    ------
    DataError
        If the file or a column is not what the source promises.
    """
    raw = _open(source, file, rows)
    roles = _roles(source, schema or _column_types(raw, source).schema)
    return _typed(raw, roles, source.time_format, for_scoring=schema is not None)


def _open(source: TableSource, file: Path, rows: int | None) -> RawFile:
    spelling = Spelling.of(source.null_values, source.decimal)
    return open_raw(file, rows=rows, spelling=spelling)


def _typed(raw: RawFile, roles: Roles, format_: str | None, *, for_scoring: bool) -> FileBatches:
    typed = partial(build_frame, roles=roles, for_scoring=for_scoring)
    time = roles.time
    if time is None or time not in raw.names:
        return FileBatches(raw, typed, roles.schema.numeric)
    form = None if format_ is None else TimeForm.said(format_)
    if form is None and not raw.whole:
        form = time_form(lambda: (batch.column(time) for batch in raw.batches([time])))
    to_times = partial(times, name=time, required=not for_scoring, form=form)
    to_rows = partial(typed, time_form=form)
    return FileBatches(raw, to_rows, roles.schema.numeric, (time,), to_times)


def _roles(source: TableSource, schema: FeatureSchema) -> Roles:
    labels = LabelRule(source.benign, source.unknown)
    return Roles(
        schema, source.label, labels, source.attack, source.time,
        campaign=source.campaign, unit=source.unit_columns,
    )  # fmt: skip


def _by_time(opened: FileBatches) -> Iterator[pd.DataFrame]:
    return (rows for _, rows in in_time_order(opened))


def _column_types(raw: RawFile, source: TableSource) -> ColumnTypes:
    _refuse_one_column(raw)
    _require_named(raw, source)
    features = _feature_names(raw, source)
    refuse_duplicate_columns(raw, dict.fromkeys(features))
    _refuse_nameless(raw, features)
    if not 1 <= len(features) <= MOST_FEATURES:
        raise DataError(
            f"{raw.file}: a table has 1 to {MOST_FEATURES} feature columns, got {len(features)}"
        )
    if source.categorical is not None:
        return given_types(features, source.categorical)
    return infer_types(raw, features)


def _refuse_one_column(raw: RawFile) -> None:
    """Refuse a CSV file of a single column, which is a file that something else divides."""
    if raw.layout is not None and len(raw.names) == 1:
        raise DataError(
            f"{raw.file} has one column only, {short_repr(raw.names[0])}: its first line must name"
            " the columns, divided by commas, semicolons, tabs, bars or single spaces"
        )


def _feature_names(raw: RawFile, source: TableSource) -> list[str]:
    aside = {source.label, source.attack, source.campaign, source.time, *source.drop}
    aside |= {UNIT} & {*source.unit_columns}  # of that name there can be one column
    features = [name for name in raw.names if name not in aside]
    for name, key in _KEY_FOR.items():
        if name in features:
            raise DataError(
                f"{raw.file}: the column name {short_repr(name)} is reserved;"
                f" if it is the {key}, say `{key}: {name}`, otherwise list it under drop"
            )
    return [name for name in features if name not in TABLE_IDENTIFIERS]


def _require_named(raw: RawFile, source: TableSource) -> None:
    """Refuse a key that names a column which the train file lacks: a typo would leak labels."""
    keys: dict[str, tuple[Any, ...]] = {
        "label": (source.label,),
        "attack": (source.attack,),
        "campaign": (source.campaign,),
        "time": (source.time,),
        "unit": source.unit_columns,
        "drop": source.drop,
        "categorical": source.categorical or (),
    }
    for key, names in keys.items():
        for name in names:
            if name is not None and name not in raw.names:
                raise DataError(
                    f"{raw.file} lacks the column {short_repr(name)}, which the source names under"
                    f" {key}; it has {listed(raw.names, most=40)}"
                )


def _refuse_nameless(raw: RawFile, features: list[str]) -> None:
    """Refuse a column without a name: it is nearly always a row number, which leaks the label."""
    for at, name in enumerate(raw.names):
        if name in features and name == f"Unnamed: {at}":
            raise DataError(
                f"{raw.file}: column {at + 1} has no name;"
                f' give it one, or drop it by `drop: ["{name}"]`'
            )
