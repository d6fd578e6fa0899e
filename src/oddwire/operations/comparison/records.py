"""What is kept in MLflow of trainings that are compared."""

from __future__ import annotations

from collections.abc import Iterator

from oddwire.operations.comparison.training_history import COMPARISON_FILE, ROWS_FILE
from oddwire.operations.comparison.trainings import Comparison, Fingerprint
from oddwire.operations.tracking.items import Item, Table, Tags, Text, as_json


def rows_items(fingerprint: Fingerprint) -> Iterator[Item]:
    """Yield on which rows detectors were evaluated, so that a later training can be paired."""
    yield Text(ROWS_FILE, as_json(fingerprint))


def comparison_items(comparison: Comparison) -> Iterator[Item]:
    """Yield how a training compares with an earlier one."""
    yield Tags({"compared_with": comparison.earlier})
    if comparison.detectors:
        yield Table(COMPARISON_FILE, comparison.to_frame())
    if comparison.unpaired:
        yield Tags({"not_paired": comparison.unpaired})
