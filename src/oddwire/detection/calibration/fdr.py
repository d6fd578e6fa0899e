"""Alerts of a batch by its false-discovery rate instead of a rate per connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from oddwire.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def check_fdr(max_fdr: float | None) -> None:
    """Refuse a false-discovery rate out of range; None asks for none.

    Raises
    ------
    ParameterError
        If it is not between 0 and 1.
    """
    if max_fdr is not None and not 0 < max_fdr < 1:
        raise ParameterError(f"a false-discovery rate must be between 0 and 1, got {max_fdr!r}")


def discoveries(p_values: ArrayLike, max_fdr: float, *, smallest: float = 0.0) -> NDArray[np.bool_]:
    """Choose anomalous connections of a batch, so that few of those chosen are benign.

    The procedure of Benjamini & Hochberg (1995, *Controlling the false discovery rate*): of m
    p-values in ascending order, take all up to the last whose k-th is at most k / m · ``max_fdr``.
    A threshold gives more false alarms the more benign connections there are; this procedure gives
    more alerts the more attacks there are.

    **What is guaranteed.** The p-values of a batch share their calibration rows and so depend on
    each other, but positively (on each of a subset), and therefore the expected share of benign
    connections among those chosen is at most ``max_fdr`` times the benign share of the batch
    (Bates, Candès, Lei, Romano & Sesia 2023, theorem 2). That is an average over calibration sets
    and batches, for benign connections that are exchangeable with the calibration rows, and for
    p-values that were counted: they are at least 1 / (n + 1). P-values from the tail go below it,
    find more in large batches, and are as good as the fit of the tail. For the guarantee set
    ``smallest`` to 1 / (n + 1); nothing is then found in m connections unless at least
    m / ((n + 1) ``max_fdr``) of them score above all calibration rows, or nearly so.

    Parameters
    ----------
    p_values
        Conformal p-values of the batch, in (0, 1], shape (m,).
    max_fdr
        Share of the chosen connections that may be benign, in (0, 1).
    smallest
        P-values below it count as it.

    Returns
    -------
    bool, shape (m,)
        True for the chosen connections.

    Raises
    ------
    ParameterError
        If ``max_fdr`` or a p-value is out of range.

    Examples
    --------
    >>> discoveries([0.001, 0.4, 0.02, 0.9], max_fdr=0.05)
    array([ True, False,  True, False])
    """
    check_fdr(max_fdr)
    values = np.asarray(p_values, dtype=np.float64).ravel()
    if not ((values >= 0) & (values <= 1)).all():
        raise ParameterError("p-values must lie between 0 and 1")
    cut = _largest_chosen(values, max_fdr, smallest)
    if cut is None:
        return np.zeros(values.size, dtype=bool)
    chosen: NDArray[np.bool_] = np.maximum(values, smallest) <= cut
    return chosen


def _largest_chosen(values: NDArray[np.float64], max_fdr: float, smallest: float) -> float | None:
    """Return the largest p-value that is chosen, None where none is."""
    # The k-th is at most k / m max_fdr, so that only those up to max_fdr need be put in order.
    few = np.sort(np.maximum(values[values <= max_fdr], smallest))
    kept = np.flatnonzero(few * (values.size / np.arange(1, few.size + 1)) <= max_fdr)
    return float(few[kept[-1]]) if kept.size else None
