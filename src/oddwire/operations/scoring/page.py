"""What the Prefect page shows of a scored file."""

from __future__ import annotations

from pathlib import Path

from oddwire.operations.markdown import escaped, table
from oddwire.operations.scoring.folders.scored_parts import ScoredParts
from oddwire.operations.scoring.score_file import ScoredFile


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
    rate = "none: there are no rows" if result.alert_rate is None else f"{result.alert_rate:.2%}"
    return [
        ["rows", f"{result.rows:,}"],
        ["alerts", f"{result.alerts:,}"],
        ["observed alert rate", rate],
        ["target: share of benign rows", f"{result.alert_p_value:.2%}"],
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
