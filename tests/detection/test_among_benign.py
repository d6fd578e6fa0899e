"""What is said of a value and benign rows is true."""

import math

import pytest

from oddwire.detection.among_benign import among_benign


@pytest.mark.parametrize(("quantile", "share", "said"), [
    (0.45, 0.9, "90 % of benign rows have it"),  # nobody is below, and at most 10 % are above
    (0.95, 0.1, "10 % of benign rows have it"),
    (0.98, 0.04, "above 96 % of benign rows"),
    (0.02, 0.04, "below 96 % of benign rows"),
    (1.0, 0.0, "above 100 % of benign rows"),
    (math.nan, 0.012, "1.2 % of benign rows have it"),
    (None, 0.0, "no benign row has it"),
])  # fmt: skip
def test_what_is_said_is_true_of_equal_rows_too(quantile, share, said):
    assert among_benign(quantile, share) == said
