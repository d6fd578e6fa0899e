"""What the Prefect page shows of a drift check."""

from __future__ import annotations

from oddwire.operations.drift.check import DriftResult
from oddwire.operations.drift.verdict import ranked
from oddwire.operations.markdown import escaped, figure, table

_MOST_COLUMNS = 15


def drift_markdown(result: DriftResult) -> str:
    """Return a drift check's verdict and its most drifted columns."""
    shown = ranked(result.check.columns)[:_MOST_COLUMNS]
    rows = [
        [escaped(c.column), figure(c.statistic), figure(c.threshold), "yes" if c.drifted else "no"]
        for c in shown
    ]
    return "\n\n".join([
        f"## Drift check of {result.source}: {'drift' if result.check.drifted else 'no drift'}",
        escaped(result.check.verdict),
        f"Current: {escaped(result.current)}; champion: version {result.version}.",
        table(["column", "distance", "threshold", "drifted"], rows),
        f"MLflow run: `{result.run_id}`",
    ])  # fmt: skip
