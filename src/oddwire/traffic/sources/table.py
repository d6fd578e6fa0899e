"""Any table: a row per connection, a column per feature, in CSV or Parquet.

Which columns are features follows from the train file: all that are not named under ``label``,
``attack``, ``time`` or ``drop``, and are none of oddwire's identifiers (``uid``, ``src_ip``,
``src_port``, ``dst_ip``, ``dst_port``), which are kept as text, apart from the features. Other
names that oddwire reserves (``label``, ``attack``, ``ts``) must be used as such or be dropped: a
forgotten label must not become a feature.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from oddwire.errors import DataError, listed
from oddwire.params import TableSource
from oddwire.traffic.archive import SourceBatches
from oddwire.traffic.schema import ATTACK, LABEL, TABLE_IDENTIFIERS, TIME, FeatureSchema
from oddwire.traffic.sources.reading.column_roles import (
    Roles,
    build_frame,
    refuse_duplicate_columns,
)
from oddwire.traffic.sources.reading.column_values import NumericShare, TimeForm, categories, times
from oddwire.traffic.sources.reading.file_batches import FileBatches
from oddwire.traffic.sources.reading.files import locate
from oddwire.traffic.sources.reading.raw_file import RawFile, open_raw
from oddwire.traffic.sources.reading.time_order import in_time_order

MOST_FEATURES = 1000
_KEY_FOR = {LABEL: "label", ATTACK: "attack", TIME: "time"}


def open_source(source: TableSource, *, root: Path, rows: int | None = None) -> SourceBatches:
    """Open the train file, and the test file with the columns that the train file has.

    Raises
    ------
    DataError
        If a file or a column is not what the source promises.
    """
    raw = open_raw(locate(source.train, root), rows=rows)
    roles = _roles(source, _infer_schema(raw, source))
    test = None
    if source.test is not None:
        raw_test = open_raw(locate(source.test, root), rows=rows)
        test = _by_time(_typed(raw_test, roles, for_scoring=False))
    _refuse_empty_label(source, [raw] if source.test is None else [raw, raw_test])
    return SourceBatches(_by_time(_typed(raw, roles, for_scoring=False)), test, roles.schema)


def _refuse_empty_label(source: TableSource, files: Sequence[RawFile]) -> None:
    if source.label is None:
        return
    for raw in files:
        for batch in raw.batches([source.label]):
            if categories(batch, source.label).notna().any():
                return
    raise DataError(
        f"{files[0].file}: the label column {source.label!r} is empty in every row; to train"
        " without labels, leave `label` out"
    )


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
    raw = open_raw(file, rows=rows)
    roles = _roles(source, schema or _infer_schema(raw, source))
    return _typed(raw, roles, for_scoring=schema is not None)


def _typed(raw: RawFile, roles: Roles, *, for_scoring: bool) -> FileBatches:
    typed = partial(build_frame, roles=roles, for_scoring=for_scoring)
    time = roles.time
    if time is None or time not in raw.names:
        return FileBatches(raw, typed, roles.schema.numeric)
    form = None if raw.whole else TimeForm.of(
        lambda: (batch.column(time) for batch in raw.batches([time]))
    )  # fmt: skip
    to_times = partial(times, name=time, required=not for_scoring, form=form)
    to_rows = partial(typed, time_form=form)
    return FileBatches(raw, to_rows, roles.schema.numeric, (time,), to_times)


def _roles(source: TableSource, schema: FeatureSchema) -> Roles:
    return Roles(schema, source.label, source.benign, source.attack, source.time)


def _by_time(opened: FileBatches) -> Iterator[pd.DataFrame]:
    return (rows for _, rows in in_time_order(opened))


def _infer_schema(raw: RawFile, source: TableSource) -> FeatureSchema:
    _require_named(raw, source)
    features = _feature_names(raw, source)
    refuse_duplicate_columns(raw, dict.fromkeys(features))
    _refuse_nameless(raw, features)
    if not 1 <= len(features) <= MOST_FEATURES:
        raise DataError(
            f"{raw.file}: a table has 1 to {MOST_FEATURES} feature columns, got {len(features)}"
        )
    text = set(source.categorical) if source.categorical is not None else _texts(raw, features)
    return FeatureSchema(
        numeric=tuple(name for name in features if name not in text),
        categorical=tuple(name for name in features if name in text),
    )


def _texts(raw: RawFile, features: Sequence[str]) -> set[str]:
    """Return the features that are not numbers, by all rows."""
    shares = {name: NumericShare() for name in features}
    for batch in raw.batches(features):
        for name, share in shares.items():
            share.add(batch.column(name))
    return {name for name, share in shares.items() if not share.is_numeric}


def _feature_names(raw: RawFile, source: TableSource) -> list[str]:
    aside = {source.label, source.attack, source.time, *source.drop}
    features = [name for name in raw.names if name not in aside]
    for name, key in _KEY_FOR.items():
        if name in features:
            raise DataError(
                f"{raw.file}: the column name {name!r} is reserved;"
                f" if it is the {key}, say `{key}: {name}`, otherwise list it under drop"
            )
    return [name for name in features if name not in TABLE_IDENTIFIERS]


def _require_named(raw: RawFile, source: TableSource) -> None:
    """Refuse a key that names a column which the train file lacks: a typo would leak labels."""
    keys: dict[str, tuple[Any, ...]] = {
        "label": (source.label,),
        "attack": (source.attack,),
        "time": (source.time,),
        "drop": source.drop,
        "categorical": source.categorical or (),
    }
    for key, names in keys.items():
        for name in names:
            if name is not None and name not in raw.names:
                raise DataError(
                    f"{raw.file} lacks the column {name!r}, which the source names under {key};"
                    f" it has {listed(raw.names, most=40)}"
                )


def _refuse_nameless(raw: RawFile, features: list[str]) -> None:
    """Refuse a column without a name: it is nearly always a row number, which leaks the label."""
    for at, name in enumerate(raw.names):
        if name in features and name == f"Unnamed: {at}":
            raise DataError(
                f"{raw.file}: column {at + 1} has no name;"
                f' give it one, or drop it by `drop: ["{name}"]`'
            )
