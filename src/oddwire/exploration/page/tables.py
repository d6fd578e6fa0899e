"""The tables of a source's page: text alone, not yet escaped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oddwire.exploration.findings import alike_groups, names_in_words
from oddwire.exploration.leakage import WHY
from oddwire.exploration.statistics import QUANTILES
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    Cells = tuple[str, ...]

MOST_COLUMNS = 200
MOST_GROUPS = 50
_LONGEST_CELL = 120
_EMPTY = ("", "")
_LONGEST_CATEGORY = 40
_PLAIN = (1e4, 1e9)  # figures in this range are read best as whole numbers


@dataclass(frozen=True)
class Table:
    """A table whose rows begin with a heading, empty where it is that of the row above.

    Parameters
    ----------
    title
        What it holds.
    heads
        Headings of the columns.
    rows
        Cells.
    words
        Places of the columns that hold a word rather than a number.
    sentences
        Places of the columns whose text may go over several lines.
    more
        What is left out.
    """

    title: str
    heads: Cells
    rows: tuple[Cells, ...]
    words: tuple[int, ...] = (0,)
    sentences: tuple[int, ...] = ()
    more: str = ""


def suspects_table(statistics: dict[str, Any]) -> Table:
    """List the features that may leak."""
    found = statistics["suspects"]
    rows = tuple(
        (_cell(one["column"]), WHY[one["kind"]][0], one["evidence"]) for one in found[:MOST_COLUMNS]
    )
    return Table(
        "Columns that may leak", ("column", "why", "what was seen"), rows, sentences=(1, 2),
        more=_more(len(rows), len(found), "suspicions"),
    )  # fmt: skip


def numeric_table(statistics: dict[str, Any]) -> Table:
    """List the figures of numeric features, a row for each class."""

    def figures(own: dict[str, Any]) -> Cells:
        spread = [_figure(own.get(key)) for key in ("mean", "std", *QUANTILES)]
        zeros = "" if own.get("zero_share") is None else f"{100 * own['zero_share']:.1f} %"
        return (*_counts(own, "infinite"), *spread, zeros)

    counts = ("known", "missing", "infinite", "distinct")
    heads = ("column", "AUC alone", "class", *counts, "mean", "sd", *QUANTILES, "zeros")
    rows, more = _by_class(statistics, "numeric", figures)
    return Table("Numbers", heads, rows, words=(0, 2), more=more)


def categorical_table(statistics: dict[str, Any]) -> Table:
    """List the most frequent categories of features, a row for each class."""

    def figures(own: dict[str, Any]) -> Cells:
        top = ", ".join(f"{_cell(word, _LONGEST_CATEGORY)} ({n:,})" for word, n in own["top"])
        return (*_counts(own), top)

    heads = ("column", "AUC alone", "class", "known", "missing", "distinct", "most frequent")
    rows, more = _by_class(statistics, "categorical", figures)
    return Table("Categories", heads, rows, words=(0, 2), sentences=(6,), more=more)


def groups_table(statistics: dict[str, Any]) -> Table:
    """List the groups of features that are alike."""
    groups = alike_groups(statistics)
    rows = tuple((str(len(group)), names_in_words(group)) for group in groups[:MOST_GROUPS])
    return Table(
        "Columns that rise and fall together", ("columns", "names"), rows, sentences=(1,),
        more=_more(len(rows), len(groups), "groups"),
    )  # fmt: skip


def _by_class(
    statistics: dict[str, Any], kind: str, figures: Callable[[dict[str, Any]], Cells]
) -> tuple[tuple[Cells, ...], str]:
    features = statistics[kind]
    classes = [name for name, n in statistics["looked_at"].items() if n]
    shown = list(features)[:MOST_COLUMNS]
    rows = tuple(
        (
            *(_EMPTY if at else (_cell(name), _auc(features[name]))),
            one,
            *figures(features[name][one]),
        )
        for name in shown
        for at, one in enumerate(classes)
    )
    return rows, _more(len(shown), len(features), f"{kind} columns")


def _counts(about: dict[str, Any], *others: str) -> Cells:
    return tuple(f"{about[key]:,}" for key in ("count", "missing", *others, "distinct"))


def _auc(about: dict[str, Any]) -> str:
    return "" if about["auc"] is None else f"{about['auc']:.3f}"


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    low, high = _PLAIN
    return f"{value:,.0f}" if low <= abs(value) < high else f"{value:,.4g}"


def _cell(text: str, longest: int = _LONGEST_CELL) -> str:
    shown = printable(text)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def _more(shown: int, of: int, what: str) -> str:
    return f"The first {shown:,} of {of:,} {what}; all stand in statistics.json." * (shown < of)
