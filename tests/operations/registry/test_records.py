"""What a promotion shows in MLflow."""

from __future__ import annotations

import json

import pytest
from items import merged, texts

from oddwire.operations.registry.promotion import PromotionDecision
from oddwire.operations.registry.records import promotion_items
from oddwire.operations.tracking.items import Tags


@pytest.mark.parametrize("promote", [True, False])
def test_a_promotion_keeps_its_reason(promote):
    decision = PromotionDecision(promote=promote, reason="because", checks=())
    items = list(promotion_items(decision, "5"))
    assert merged(Tags, items) == {
        "promotion": "promoted" if promote else "not asked",
        "promotion_reason": "because",
        "version": "5",
    }
    assert json.loads(texts(items)["promotion.json"])["promote"] is promote
