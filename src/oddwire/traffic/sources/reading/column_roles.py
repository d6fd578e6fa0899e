"""A table's columns by their roles → a feature frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from oddwire.errors import DataError, listed, short_repr
from oddwire.traffic.labels import LabelRule
from oddwire.traffic.schema import (
    ATTACK,
    CAMPAIGN,
    LABEL,
    TABLE_IDENTIFIERS,
    TIME,
    UNIT,
    FeatureSchema,
)
from oddwire.traffic.sources.reading import column_values
from oddwire.traffic.sources.reading.raw_file import RawFile
from oddwire.traffic.sources.reading.raw_table import RawTable
from oddwire.traffic.sources.times.form import TimeForm
from oddwire.traffic.unit_column import unit_texts


@dataclass(frozen=True)
class Roles:
    """Which column of a table has which role.

    Parameters
    ----------
    schema
        The feature columns.
    label, attack, time, campaign
        Columns of the table with that meaning; None where it has none.
    unit
        Columns that together name the unit of a row.
    labels
        What the values of the label column mean.
    """

    schema: FeatureSchema
    label: str | None = None
    labels: LabelRule = field(default_factory=LabelRule)
    attack: str | None = None
    time: str | None = None
    campaign: str | None = None
    unit: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """Columns with a meaning of their own."""
        one_each = (self.label, self.attack, self.time, self.campaign)
        return tuple(name for name in one_each if name is not None)


def build_frame(
    raw: RawTable,
    roles: Roles,
    *,
    for_scoring: bool,
    time_form: TimeForm | None = None,
) -> pd.DataFrame:
    """Give the columns of a table their types and their names here.

    Parameters
    ----------
    for_scoring
        Only the features have to be there; label, family, campaign, time and unit are taken if
        present.
    time_form
        How the file writes its times, where this is a batch of it.

    Returns
    -------
    DataFrame of shape (rows, reserved + features), in the order of the file: the time if the
    source has one, identifiers as text, ``unit`` if the source has one, ``label``, ``attack`` and,
    if the source has it, ``campaign`` (all missing where unknown), numeric features as float64,
    categorical ones as strings.

    Raises
    ------
    DataError
        If a column is absent or is there twice, or a value breaks its column's rule.
    """
    unit = [name for name in roles.unit if name in raw.names or not for_scoring]
    named = () if for_scoring else roles.named
    _require(raw, (*named, *unit, *roles.schema.columns))
    here = {name for name in roles.named if name in raw.names}
    content: dict[str, Any] = {}
    if roles.time in here:
        content[TIME] = column_values.times(
            raw, str(roles.time), required=not for_scoring, form=time_form
        )
    taken = {*here, *roles.schema.columns}
    for name in TABLE_IDENTIFIERS:
        if name in raw.names and name not in taken and name != TIME:
            content[name] = column_values.categories(raw, name)
    if roles.unit:
        content[UNIT] = _unit(raw, roles.unit)
    content[LABEL], content[ATTACK] = _labels(raw, roles, here)
    if roles.campaign is not None:
        content[CAMPAIGN] = _campaigns(raw, roles.campaign, content[LABEL])
    content |= {name: column_values.numbers(raw, name) for name in roles.schema.numeric}
    content |= {name: column_values.categories(raw, name) for name in roles.schema.categorical}
    return pd.DataFrame(content)


def _labels(raw: RawTable, roles: Roles, here: set[str]) -> tuple[pd.Series[Any], pd.Series[Any]]:
    rows = raw.content.num_rows
    if roles.label not in here:
        unknown = pd.Series(pd.NA, index=range(rows), dtype="Int8")
        return unknown, pd.Series([None] * rows, dtype=object)
    label, attack = column_values.labels(raw, str(roles.label), roles.labels)
    if roles.attack in here:
        attack = column_values.categories(raw, str(roles.attack))
        attack = attack.mask(label.ne(1).fillna(True), other=None)
    return label, attack


def _campaigns(raw: RawTable, name: str, label: pd.Series[Any]) -> pd.Series[Any]:
    """Return the campaigns of attacks: no other row has one."""
    if name not in raw.names:
        return pd.Series([None] * len(label), dtype=object)
    return column_values.categories(raw, name).mask(label.ne(1).fillna(True), other=None)


def _unit(raw: RawTable, names: Iterable[str]) -> pd.Series[Any]:
    """Return the unit of each row; a column that a scored file lacks is missing in all."""
    nothing = pd.Series([None] * raw.content.num_rows, dtype=object)
    return unit_texts([
        column_values.categories(raw, name) if name in raw.names else nothing for name in names
    ])  # fmt: skip


def _require(raw: RawTable, names: Iterable[str]) -> None:
    wanted = list(dict.fromkeys(names))
    present = set(raw.names)
    if absent := [name for name in wanted if name not in present]:
        extra = [name for name in raw.names if name not in set(wanted)]
        others = f"; columns it has beyond the expected: {listed(extra)}" if extra else ""
        raise DataError(f"{raw.file} lacks the column {listed(absent)}{others}")
    if len(present) < len(raw.names):
        refuse_duplicate_columns(raw, wanted)


def refuse_duplicate_columns(raw: RawTable | RawFile, names: Iterable[str]) -> None:
    """Refuse a column that is in the file more than once.

    Raises
    ------
    DataError
        Naming the column.
    """
    for name in names:
        if (times := raw.names.count(name)) > 1:
            raise DataError(
                f"{raw.file}: the column {short_repr(name)} is there {times} times;"
                " give each its own name, or list it under drop"
            )
