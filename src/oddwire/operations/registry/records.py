"""What is kept in MLflow of a promotion."""

from __future__ import annotations

from collections.abc import Iterator

from oddwire.operations.registry.promotion import PromotionDecision
from oddwire.operations.tracking.items import Item, Tags, Text, as_json


def promotion_items(decision: PromotionDecision, version: str) -> Iterator[Item]:
    """Yield what was decided on a version, and why."""
    yield Tags(
        {"promotion": decision.outcome, "promotion_reason": decision.reason, "version": version}
    )
    yield Text("promotion.json", as_json(decision.to_dict()))
