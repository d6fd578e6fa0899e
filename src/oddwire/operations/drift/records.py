"""What is kept in MLflow of a drift check."""

from __future__ import annotations

from collections.abc import Iterator

from oddwire.operations.drift.verdict import DriftCheck
from oddwire.operations.tracking.items import Item, Metrics, Table, Tags, Text, as_json


def drift_items(check: DriftCheck) -> Iterator[Item]:
    """Yield the verdict of a drift check."""
    yield Tags({"drifted": "yes" if check.drifted else "no", "verdict": check.verdict})
    yield Metrics({
        "share_of_drifted_columns": check.share,
        "drifted_columns": sum(column.drifted for column in check.columns),
        "reference_rows": check.reference_rows,
        "current_rows": check.current_rows,
    })  # fmt: skip
    yield Text("verdict.json", as_json(check.to_dict()))
    yield Table("columns.json", check.to_frame())
