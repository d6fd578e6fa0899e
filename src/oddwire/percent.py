"""How a share is written, wherever people read one."""

from __future__ import annotations

from math import floor, log10

_EXACT = 100  # odds from here on are rounded to two digits


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
    >>> percent(0.996, digits=2), percent(12.3456)
    ('100 %', '1,235 %')
    """
    text = f"{100 * share:.{digits}g}"
    return f"{100 * share:,.0f} %" if "e+" in text else f"{text} %"


def odds(p_value: float) -> str:
    """Return a p-value as people speak of chances.

    Examples
    --------
    >>> odds(0.0000249), odds(0.03)
    ('about 1 in 40,000 benign', 'about 1 in 33 benign')
    """
    benign = round(1 / p_value)
    if benign >= _EXACT:
        benign = round(benign, 1 - floor(log10(benign)))
    return f"about 1 in {benign:,} benign"
