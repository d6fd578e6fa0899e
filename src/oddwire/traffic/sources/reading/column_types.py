"""Which columns of a table are numbers and which are categories, by all of its rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from oddwire.errors import short_repr
from oddwire.traffic.schema import FeatureSchema
from oddwire.traffic.sources.reading.raw_file import RawFile
from oddwire.traffic.sources.reading.values.numeric_share import NumericShare

_MOST_NAMED = 8


@dataclass(frozen=True)
class ColumnTypes:
    """The types of a table's features.

    Parameters
    ----------
    schema
        Numbers and categories.
    remarks
        Columns whose type may be another than was meant, a sentence per kind.
    """

    schema: FeatureSchema
    remarks: tuple[str, ...] = ()


def given_types(features: Sequence[str], categorical: Collection[str]) -> ColumnTypes:
    """Return the types that a source lists itself."""
    return ColumnTypes(
        FeatureSchema(
            numeric=tuple(name for name in features if name not in categorical),
            categorical=tuple(name for name in features if name in categorical),
        )
    )


def infer_types(raw: RawFile, features: Sequence[str]) -> ColumnTypes:
    """Find out the types of columns from the values in all rows.

    A column without a value tells no type. It becomes categorical, as anything that a later file
    may hold can be read as a category.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    shares = {name: NumericShare(raw.spelling) for name in features}
    for batch in raw.batches(features):
        for name, share in shares.items():
            share.add(batch.column(name))
    text = {name for name, share in shares.items() if share.is_empty or not share.is_numeric}
    return ColumnTypes(given_types(features, text).schema, tuple(_remarks(shares)))


def _remarks(shares: dict[str, NumericShare]) -> list[str]:
    def such(fits: Callable[[NumericShare], bool]) -> list[str]:
        return [name for name, share in shares.items() if fits(share)]

    said = []
    if names := such(lambda share: share.is_nearly_numeric):
        said.append(
            f"read as categories, though most values are numbers: {_named(names, shares)};"
            f" {_way_out([shares[name] for name in names])}"
        )
    if names := such(lambda share: share.is_nearly_text):
        said.append(
            "read as numbers, though most rows hold a word that is taken as missing:"
            f" {_named(names, shares)}"
        )
    if names := such(lambda share: share.is_empty):
        said.append(f"empty in every row, and so read as categories: {_named(names, shares)}")
    return said


def _way_out(shares: Sequence[NumericShare]) -> str:
    if any(share.decimal_commas for share in shares):
        return 'where these are decimal commas, say `decimal: ","`'
    if any(share.for_people for share in shares):
        return "write such values as plain numbers"
    return "where such a word means missing, list it under `null_values`"


def _named(names: list[str], shares: dict[str, NumericShare]) -> str:
    each = [
        short_repr(name) + (f" (such as {short_repr(example)})" if example is not None else "")
        for name in names[:_MOST_NAMED]
        for example in [shares[name].example]
    ]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(each) + more
