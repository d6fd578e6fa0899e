"""Where a value lies among benign rows, in the words that are said of it everywhere."""

from __future__ import annotations

from math import isnan

from oddwire.percent import percent

_SHARED = 0.05  # share of benign rows from which an equal value says more than a quantile
_MIDDLE = 0.5  # a value in the lower half of the benign ones is named by those above it


def among_benign(quantile: float | None, share: float) -> str:
    """Return where a value lies among those of benign rows.

    Parameters
    ----------
    quantile
        Its quantile among them, of which equal ones count half; None or NaN where it is no number.
    share
        The share of them that is equal.

    Examples
    --------
    >>> among_benign(0.999, 0.0), among_benign(0.45, 0.9)
    ('above 99.9 % of benign rows', '90 % of benign rows have it')
    >>> among_benign(None, 0.02), among_benign(None, 0.0)
    ('2 % of benign rows have it', 'no benign row has it')
    """
    if quantile is not None and not isnan(quantile) and share < _SHARED:
        side, part = ("above", quantile) if quantile >= _MIDDLE else ("below", 1 - quantile)
        return f"{side} {percent(part - share / 2, 4)} of benign rows"
    return f"{percent(share)} of benign rows have it" if share > 0 else "no benign row has it"
