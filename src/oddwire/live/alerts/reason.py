"""One feature that set a connection apart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """One feature that set the connection apart, as `detection.explaining.explain` found it.

    Parameters
    ----------
    feature
        Its name.
    value
        The connection's value: a number, or a printable text; None where missing.
    typical
        What most benign rows have.
    benign_quantile
        The number's quantile among benign rows, 0 to 1; None for text.
    benign_share
        The share of benign rows with the same value.
    share
        The share of what makes the connection anomalous.
    """

    feature: str
    value: float | str | None
    typical: float | str | None
    benign_quantile: float | None
    benign_share: float
    share: float
