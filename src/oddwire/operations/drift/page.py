"""What the Prefect page shows of a drift check."""

from __future__ import annotations

from collections.abc import Sequence

from oddwire.operations.drift.new_traffic.past_checks import PastCheck
from oddwire.operations.drift.result import DriftResult
from oddwire.operations.drift.verdict import measure, ranked
from oddwire.operations.markdown import escaped, figure, link, table
from oddwire.percent import percent
from oddwire.traffic.wire_text import printable

_MOST_COLUMNS = 15
_MOST_CHECKS = 30


def drift_markdown(result: DriftResult, past: Sequence[PastCheck] = ()) -> str:
    """Return a drift check's verdict, its most drifted columns, and the last checks.

    Parameters
    ----------
    past
        The source's finished checks, the newest first.
    """
    subject = result.subject
    period = f", {escaped(subject.period)}" if subject.period else ""
    rows = f"{subject.rows:,} rows, of which {percent(subject.alert_rate)} raise an alert"
    rows += f" ({escaped(subject.alerts)})" if subject.alerts else ""
    parts = [
        f"## Drift check of {result.source}: {'drift' if result.check.drifted else 'no drift'}",
        escaped(result.check.verdict),
        f"Current: {escaped(subject.title)}{period}; {rows}; champion: version {result.version}.",
        *map(escaped, result.remarks),
        _columns(result),
        *([link("Open the check in MLflow, with its report", result.link)] if result.link else []),
    ]
    if past:
        parts += [f"### The last {min(len(past), _MOST_CHECKS)} checks", _checks(past)]
    return "\n\n".join(parts)


def _columns(result: DriftResult) -> str:
    rows = [
        [
            escaped(printable(one.column, longest=60)), measure(one),
            figure(one.statistic), figure(one.threshold), "yes" if one.drifted else "no",
        ]
        for one in ranked(result.check.columns)[:_MOST_COLUMNS]
    ]  # fmt: skip
    return table(["column", "distance measured", "distance", "threshold", "drifted"], rows)


def _checks(past: Sequence[PastCheck]) -> str:
    rows = [
        [
            escaped(one.title), "drift" if one.drifted else "no drift",
            _percent(one, "share_of_drifted_columns"), _percent(one, "score_distance"),
            _percent(one, "alert_rate"), one.version,
        ]
        for one in past[:_MOST_CHECKS]
    ]  # fmt: skip
    heads = ["period", "verdict", "drifted columns", "score drift", "observed alert rate", "model"]
    return table(heads, rows)


def _percent(one: PastCheck, name: str) -> str:
    value = one.figures.get(name)
    return "" if value is None else percent(value)
