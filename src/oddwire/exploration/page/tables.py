"""The tables of a source's page, as HTML whose text is escaped."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

import pandas as pd

from oddwire.durations import in_time
from oddwire.exploration.findings import shortened
from oddwire.exploration.leakage import WHY
from oddwire.exploration.statistics import ranked

MOST_COLUMNS = 200
_LONGEST_CELL, _LONGEST_CATEGORY = 120, 40
_PLAIN = (1e4, 1e9)  # figures in this range are read best as whole numbers
_HEADS = {"count": "known", "std": "sd", "zero_share": "share of zeros", "top": "most frequent"}


def suspects_table(statistics: dict[str, Any]) -> str:
    """List the features that may leak."""
    suspects = [
        {
            "column": suspect["column"],
            "why": WHY[suspect["kind"]][0],
            "evidence": suspect["evidence"],
        }
        for suspect in statistics["suspects"]
    ]
    return _html(suspects[:MOST_COLUMNS], "suspects", len(suspects), "suspects")


def families_table(statistics: dict[str, Any]) -> str:
    """List the rows of each attack family, the most frequent first."""
    families = [{"attack family": name, "rows": n} for name, n in statistics["families"].items()]
    return _html(families[:MOST_COLUMNS], "families", len(families), "attack families")


def campaigns_table(statistics: dict[str, Any]) -> str:
    """List the campaigns of each attack family: how many, how large, how long, and when."""
    families = [
        {
            "attack family": name, "campaigns": about["campaigns"], "rows": about["rows"],
            "rows of one (median)": about["median_rows"], "most": about["most_rows"],
            "length (median)": _length(about.get("median_minutes")),
            "longest": _length(about.get("most_minutes")),
            "first (UTC)": _moment(about.get("first")), "last (UTC)": _moment(about.get("last")),
        }
        for name, about in statistics["campaigns"]["families"].items()
    ]  # fmt: skip
    return _html(families[:MOST_COLUMNS], "families", len(families), "attack families")


def _length(minutes: float | None) -> str:
    return "" if minutes is None else in_time(minutes)


def _moment(text: str | None) -> str:
    return "" if text is None else text[:16].replace("T", " ")


def features_table(statistics: dict[str, Any], kind: str) -> str:
    """List the figures of features, those that separate best first, a row for each class."""
    features = statistics[kind]
    classes = [name for name, n in statistics["looked_at"].items() if n]
    first = ranked(statistics, kind)
    shown = [*first, *(name for name in features if name not in set(first))][:MOST_COLUMNS]
    cells = [
        {"column": name if at == 0 else "", "AUC alone": features[name]["auc"] if at == 0 else None}
        | {"class": of_class, **features[name][of_class]}
        for name in shown
        for at, of_class in enumerate(classes)
    ]
    return _html(cells, kind, len(features), f"{kind} columns", shown=len(shown))


def _html(
    records: list[dict[str, Any]], kind: str, total: int, what: str, *, shown: int | None = None
) -> str:
    shown = len(records) if shown is None else shown
    # As objects, so that whole numbers stay whole beside missing ones.
    cells = pd.DataFrame(records, dtype=object).map(_cell).rename(columns=_HEADS)
    with pd.option_context("display.max_colwidth", None):
        table = cells.to_html(index=False, border=0, justify="unset", classes=kind)
    more = f"The first {shown:,} of {total:,} {what}; statistics.json holds all."
    return table + f'<p class="small">{more}</p>' * (shown < total)


def _cell(value: Any) -> str:
    low, high = _PLAIN
    match value:
        case str():
            return shortened(value, _LONGEST_CELL)
        case list():
            return ", ".join(f"{shortened(text, _LONGEST_CATEGORY)} ({n:,})" for text, n in value)
        case Integral():
            return f"{value:,}"
        case float() if math.isfinite(value):
            return f"{value:,.0f}" if low <= abs(value) < high else f"{value:,.4g}"
        case _:
            return ""
