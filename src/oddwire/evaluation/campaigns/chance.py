"""How many campaigns would be found by chance: a long one rarely escapes any detector.

A campaign counts as found from its first alert on, and one of a thousand connections is nearly sure
to raise one at a false-positive rate of 1 %, whatever the detector knows. So the campaigns found
stand beside those that benign traffic would have "found": the rows of a campaign from each of its
sources are laid, one after another, on every stretch of as many benign rows of the test part, and
the stretches that hold an alert are counted. Benign alerts come in bursts, and stretches keep them:
taken one by one, at the rate of rows, they would find too many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from oddwire.evaluation.metrics import Bools, Floats, Ints


def share_with_an_alert(alerts: Bools, lengths: Ints) -> Floats:
    """Return which share of all stretches of rows of a length hold an alert, length by length.

    Parameters
    ----------
    alerts
        Which rows are one, in their order, shape (n,), at least one row. A stretch that reaches the
        last of them goes on with the first, so that there are n of each length.
    lengths
        In rows, each at least 1, shape (m,); longer than n counts as n.

    Returns
    -------
    float64, shape (m,)

    Examples
    --------
    >>> share_with_an_alert(np.array([True, True, False, False]), np.array([1, 2, 9])).tolist()
    [0.5, 0.75, 1.0]
    """
    rows, places = len(alerts), np.flatnonzero(alerts)
    if not len(places):
        return np.zeros(len(lengths))
    quiet = np.sort(np.diff(places, append=places[0] + rows) - 1)[::-1]  # between alerts
    lengths = np.minimum(lengths, rows)
    longer = np.searchsorted(-quiet, -lengths, side="right")  # quiet times as long or longer
    total = np.append(0, np.cumsum(quiet))[longer]
    shares: Floats = 1 - (total - longer * (lengths - 1)) / rows
    return shares
