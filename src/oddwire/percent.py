"""How a share is written, wherever people read one."""

from __future__ import annotations


def percent(share: float, digits: int = 3) -> str:
    """Return a share in percent.

    Parameters
    ----------
    share
        Usually from 0 to 1.
    digits
        Significant ones.

    Examples
    --------
    >>> percent(0.0275), percent(1.0), percent(0.99986, digits=4)
    ('2.75 %', '100 %', '99.99 %')
    """
    return f"{100 * share:.{digits}g} %"
