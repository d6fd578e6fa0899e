"""A time is written in the unit that it is read best in."""

from __future__ import annotations

import pytest

from oddwire.durations import in_time


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(0, "0 s"), (1e-9, "6e-08 s"), (0.5, "30 s"), (1, "60 s"), (2, "2 min"), (119, "119 min"),
     (120, "2 h"), (2870, "47.8 h"), (2880, "2 days"), (1e6, "694.4 days")],
)  # fmt: skip
def test_the_unit_follows_from_the_size(minutes, text):
    assert in_time(minutes) == text
