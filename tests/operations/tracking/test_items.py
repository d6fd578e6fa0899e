"""Items that are kept with a run."""

from __future__ import annotations

import json

import pandas as pd

from oddwire.operations.tracking.items import as_json


def test_json_for_people_is_in_order_and_takes_dates():
    text = as_json({"b": pd.Timestamp("2026-03-02"), "a": 1})
    assert json.loads(text) == {"a": 1, "b": "2026-03-02 00:00:00"}
    assert text.index('"a"') < text.index('"b"')
