"""How many lines of a log may be refused before the file is an error."""

from __future__ import annotations

FEW = 3  # broken lines are no reason to stop: in a quiet hour one is a large share already


def is_too_many(refused: int, rows: int, *, most: float) -> bool:
    """Return whether too many lines of a file were refused.

    Parameters
    ----------
    refused, rows
        How many were refused, and how many were read.
    most
        The largest share that may be refused. Up to `FEW`, and no more than were read, may be in
        any case, except where it is 0.

    Examples
    --------
    >>> [is_too_many(refused, 96, most=0.01) for refused in (3, 4)]
    [False, True]
    >>> is_too_many(1, 96, most=0.0), is_too_many(1, 0, most=0.01)
    (True, True)
    """
    return refused > max(most * (refused + rows), min(FEW, rows) if most else 0)
