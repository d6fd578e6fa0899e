"""What the Prefect page shows of a scored file."""

from __future__ import annotations

from pathlib import Path

from oddwire.operations.markdown import escaped, table
from oddwire.operations.scoring.score_file import ScoredFile


def scoring_markdown(source: str, file: Path, result: ScoredFile) -> str:
    """Return a scored file's counts and its most unusual alerts."""
    share = result.alerts / max(result.rows, 1)
    counts = [
        ["rows", f"{result.rows}"],
        ["alerts", f"{result.alerts}"],
        ["observed alert rate", f"{share:.2%} of the rows"],
        ["target", f"{result.alert_p_value:.2%} of benign rows"],
        ["missing values", f"{result.missing}"],
        ["infinite values", f"{result.infinite}"],
        ["categories not seen in training", f"{result.unseen}"],
    ]
    by = f"version {result.version} ({escaped(result.detector)})"
    return "\n\n".join([
        f"## {escaped(file.name)} scored as {escaped(source)}",
        table(["", "count"], counts),
        f"Champion: {by}. Scored rows: {escaped(str(result.out))}",
    ])  # fmt: skip
