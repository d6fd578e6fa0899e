"""Features that may leak the label: they separate the classes alone, or name one row, host or hour.

A model that learns from such a feature is excellent on these rows and useless on the next ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.exploration.sample import AllRows
from oddwire.exploration.suspect_names import named_like
from oddwire.percent import percent
from oddwire.traffic.addresses import sides
from oddwire.traffic.schema import FeatureSchema
from oddwire.traffic.wire_text import printable

Suspect = tuple[str, str, str]  # column, kind, evidence
Vector = NDArray[np.float64]

SEPARATES = 0.99  # ROC AUC of a feature alone
UNIQUE = 0.9  # share of distinct values among the known ones
LEAST_ROWS = 50  # fewer rows have distinct values by chance
_ONE_WAY = 0.99  # share of the steps from row to row that go the same way
_ORDERED_UNIQUE = 0.5
_LOOKS_LIKE = 0.9  # share of the values that must look like an address or a timestamp
_VALUES = 200
_ROW_NUMBER_SPAN = 10  # row numbers span at most so many times as many numbers
_LAST_PORT = 65_535
_FIRST_PRIVATE_PORT = 1_024
_PORT = {"port", "ports", "sport", "dport", "dsport", "srcport", "dstport", "lport", "rport"}
_MAC = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2}){5}", re.IGNORECASE)
_TIMESTAMP = re.compile(r"(\d{4}[-/]\d\d?[-/]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{4})([T ]\d\d?:\d\d.*)?")
# From 2000 to 2100, in seconds and in the smaller units that logs use.
_SINCE, _UNTIL = 946_684_800, 4_102_444_800
_UNITS = {"seconds": 1, "milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}

# Why a column is suspected, in the singular and in the plural.
WHY = {
    "separates": ("separates the classes alone", "each separate the classes alone"),
    "order": ("follows the order of the rows", "follow the order of the rows"),
    "row number": ("looks like a row number", "look like row numbers"),
    "unique": ("has its own value in almost every row", "have their own value in almost every row"),
    "address": ("holds addresses", "hold addresses"),
    "port": ("looks like a port number", "look like port numbers"),
    "timestamp": ("holds timestamps", "hold timestamps"),
    "named": ("has the name of an identifier", "have the names of identifiers"),
    "label": ("has the name of a label", "have the names of labels"),
}


def find_suspects(
    rows: AllRows,
    looked_at: pd.DataFrame,
    schema: FeatureSchema,
    statistics: dict[str, Any],
) -> list[dict[str, str]]:
    """Name the features that may leak the label.

    Parameters
    ----------
    rows
        All rows, to confirm a suspicion by.
    looked_at
        The rows that `statistics` are of.

    Returns
    -------
    list of dict
        ``column``, ``kind`` (a key of `WHY`) and ``evidence`` (what was seen, for people), by kind
        in the order of `WHY`, then in the order of the schema. A feature may be there for more than
        one reason.
    """
    suspects = [
        *_separating(statistics),
        *(found for name in schema.numeric for found in _of_numbers(name, rows, looked_at)),
        *(found for name in schema.categorical for found in _of_text(name, rows, looked_at)),
    ]
    known = {column for column, kind, _ in suspects if kind != "separates"}
    suspects += [
        found for name in schema.columns if name not in known for found in _by_name(name, schema)
    ]
    order = list(WHY)
    return [
        {"column": column, "kind": kind, "evidence": evidence}
        for column, kind, evidence in sorted(suspects, key=lambda suspect: order.index(suspect[1]))
    ]


def _by_name(name: str, schema: FeatureSchema) -> Iterator[Suspect]:
    like = named_like(name, numeric=name in schema.numeric)
    if like is not None:
        yield (name, "label" if like == "labels" else "named", f"named as {like} are")


def _separating(statistics: dict[str, Any]) -> Iterator[Suspect]:
    for kind in ("numeric", "categorical"):
        for name, about in statistics[kind].items():
            if about["auc"] is not None and about["auc"] >= SEPARATES:
                yield (name, "separates", f"ROC AUC {about['auc']:.4f} alone")


def _of_numbers(name: str, rows: AllRows, looked_at: pd.DataFrame) -> Iterator[Suspect]:
    few = AllRows.of(looked_at).finite(name)
    if len(few) < LEAST_ROWS:
        return
    unique = len(np.unique(few)) / len(few)
    if timestamp := _timestamp(few, unique):
        yield (name, "timestamp", timestamp)
    elif unique >= _ORDERED_UNIQUE and (order := _order(rows.finite(name))):
        yield (name, "order", order)
    elif unique >= UNIQUE and (number := _row_number(rows.finite(name))):
        yield (name, "row number", number)
    if _named_port(name) and _is_whole(few) and _FIRST_PRIVATE_PORT <= few.max() <= _LAST_PORT:
        yield (name, "port", f"named so; whole numbers up to {few.max():,.0f}")


def _timestamp(values: Vector, unique: float) -> str | None:
    low, high = np.quantile(values, [0.05, 0.95])
    if unique * len(values) < LEAST_ROWS:
        return None
    for unit, per_second in _UNITS.items():
        if _SINCE * per_second <= low <= high <= _UNTIL * per_second:
            day = pd.Timestamp(low / per_second, unit="s").date()
            return f"as {unit} since 1970 they start around {day}"
    return None


def _order(values: Vector) -> str | None:
    """Say whether values go one way from row to row: the parts of a split keep the rows' order."""
    with np.errstate(over="ignore"):  # an infinite step has a sign too
        steps = np.sign(np.diff(values))
    up, down = float((steps >= 0).mean()), float((steps <= 0).mean())
    if max(up, down) < _ONE_WAY or len(np.unique(values)) < _ORDERED_UNIQUE * len(values):
        return None
    way = "grows" if up >= down else "falls"
    return f"{way} from row to row in {percent(max(up, down))} of the steps"


def _row_number(values: Vector) -> str | None:
    different, low, high = len(np.unique(values)), values.min(), values.max()
    if not _is_whole(values) or different < UNIQUE * len(values):
        return None
    if high - low >= _ROW_NUMBER_SPAN * len(values):
        return None
    evidence = f"{different:,} distinct whole numbers in {len(values):,} rows"
    return f"{evidence}, from {low:,.0f} to {high:,.0f}"


def _is_whole(values: Vector) -> bool:
    return bool((values == np.round(values)).all())


def _named_port(name: str) -> bool:
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)
    return any(word.lower() in _PORT for word in words) or name.lower() in _PORT


def _of_text(name: str, rows: AllRows, looked_at: pd.DataFrame) -> Iterator[Suspect]:
    known = looked_at[name].dropna().astype(str)
    different = pd.Series(known.unique())
    few = different.iloc[:: max(1, len(different) // _VALUES)]
    if few.empty:
        return
    example = f"such as {printable(few.iloc[0])[:60]}"
    texts = few.str.strip().str
    is_address = ~pd.isna(pd.Series(sides(few))).to_numpy() | texts.fullmatch(_MAC).to_numpy()
    if is_address.mean() >= _LOOKS_LIKE:
        yield (name, "address", f"{len(different):,} distinct values, {example}")
    elif texts.fullmatch(_TIMESTAMP).mean() >= _LOOKS_LIKE:
        yield (name, "timestamp", f"{len(different):,} distinct values, {example}")
    elif len(known) >= LEAST_ROWS and len(different) >= UNIQUE * len(known):
        # By hashes, which take 8 bytes a row however long the texts are.
        every = np.concatenate([
            pd.util.hash_array(piece[name].dropna().to_numpy(dtype=object))
            for piece in rows.read([name])
        ])  # fmt: skip
        distinct = len(np.unique(every))
        if distinct >= UNIQUE * len(every):
            evidence = f"{distinct:,} distinct values in {len(every):,} rows, {example}"
            yield (name, "unique", evidence)
