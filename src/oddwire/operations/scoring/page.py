"""What people are told of a scored file, and what the Prefect page shows of it."""

from __future__ import annotations

from pathlib import Path

from oddwire.detection.calibration.thresholds.targets import a_day, target_in_words
from oddwire.operations.markdown import escaped, table
from oddwire.operations.scoring.folders.scored_parts import ScoredParts
from oddwire.operations.scoring.score_file import ScoredFile
from oddwire.percent import percent


def alerts_in_words(result: ScoredFile | ScoredParts) -> str:
    """Return how many alerts there are, in the units that people count, beside the target.

    As ``1,204 alerts in 310 units, 95 incidents (31.7 a day, true or false; target: 30 false
    incidents a day)``.
    """
    said = _counted(result.alerts, "alert")
    if result.alerting_units == result.incidents == result.alerts:
        said += "" if result.alert_rate is None else f": {percent(result.alert_rate)} of the rows"
    else:
        units = _counted(result.alerting_units, "unit")
        said += f" in {units}, {_counted(result.incidents, 'incident')}"
    per_day = []
    if result.days >= 1:
        per_day = [f"{a_day(result.incidents / result.days)} a day, true or false"]
    return f"{said} ({'; '.join([*per_day, _target(result)])})"


def adaptive_in_words(result: ScoredFile | ScoredParts) -> str:
    """Return how many alerts the threshold that follows drift raises; empty if not asked for."""
    if result.adaptive_alerts is None or result.adaptive_incidents is None:
        return ""
    per_day = (
        f" ({a_day(result.adaptive_incidents / result.days)} a day)" if result.days >= 1 else ""
    )
    return (
        f"{_counted(result.adaptive_alerts, 'alert')} of the threshold that follows drift, "
        f"{_counted(result.adaptive_incidents, 'incident')}{per_day}"
    )


def _target(result: ScoredFile | ScoredParts) -> str:
    if not result.target:
        return f"of benign rows {percent(result.alert_p_value)} are expected"
    return f"target: {target_in_words(result.target)}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def scoring_markdown(source: str, file: Path, result: ScoredFile) -> str:
    """Return a scored file's counts and its most unusual alerts.

    Parameters
    ----------
    source
        Whose champion scored it.
    file
        The file that was scored.
    """
    by = f"version {result.version} ({escaped(result.detector)})"
    return "\n\n".join([
        f"## {escaped(file.name)} scored as {escaped(source)}",
        table(["", "count"], _counts(result)),
        f"Champion: {by}. Scored rows: {escaped(str(result.out))}",
        *_unusual(result),
    ])  # fmt: skip


def scored_parts_markdown(source: str, result: ScoredParts) -> str:
    """Return the counts of a scored period."""
    by = f"version {result.version} ({escaped(result.detector)})"
    days = "1 day" if result.parts == 1 else f"{result.parts:,} days"
    return "\n\n".join([
        f"## {days} of {escaped(source)} scored",
        table(["", "count"], _counts(result)),
        f"Champion: {by}. Scored rows: {escaped(str(result.out))}, a file per day",
    ])  # fmt: skip


def _counts(result: ScoredFile | ScoredParts) -> list[list[str]]:
    rate = "none: there are no rows" if result.alert_rate is None else percent(result.alert_rate)
    adaptive = [
        [f"{what} of the threshold that follows drift", f"{count:,}"]
        for what, count in (
            ("alerts", result.adaptive_alerts), ("incidents", result.adaptive_incidents)
        )
        if count is not None
    ]  # fmt: skip
    return [
        ["rows", f"{result.rows:,}"],
        ["alerts", f"{result.alerts:,}"],
        ["units that alert", f"{result.alerting_units:,}"],
        ["incidents", f"{result.incidents:,}"],
        *([["incidents a day", a_day(result.incidents / result.days)]] * (result.days >= 1)),
        ["target", target_in_words(result.target) or "none"],
        ["share of rows that alert", rate],
        ["expected of benign rows", percent(result.alert_p_value)],
        *adaptive,
        *([["lines refused", f"{result.refused:,}"]] if result.refused else []),
        ["missing values", f"{result.missing:,}"],
        ["infinite values", f"{result.infinite:,}"],
        ["categories not seen in training", f"{result.unseen:,}"],
    ]


def _unusual(result: ScoredFile) -> list[str]:
    if not result.unusual:
        return []
    rows = [
        [f"{one.row}", escaped(one.odds), escaped(one.connection), escaped(", ".join(one.reasons))]
        for one in result.unusual
    ]
    return [
        f"### The {len(rows)} most unusual alerts",
        table(["row", "how unusual", "connection", "why"], rows),
        "Rows are counted from 0.",
    ]
