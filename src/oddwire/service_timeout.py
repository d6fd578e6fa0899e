"""``ODDWIRE_SERVICE_TIMEOUT``, how long a server that oddwire leans on may keep it waiting.

An environment variable, as the servers' addresses are: it belongs to a machine, not to the data.
"""

from __future__ import annotations

import os

from oddwire.errors import ParameterError

TIMEOUT_VARIABLE = "ODDWIRE_SERVICE_TIMEOUT"
_USUAL, _LEAST, _MOST = 60.0, 1.0, 86_400.0


def service_timeout() -> float:
    """Return how many seconds an answer of MLflow or Prefect is waited for, repeats included.

    Raises
    ------
    ParameterError
        If the variable is no number of seconds from 1 to 86,400.
    """
    named = os.environ.get(TIMEOUT_VARIABLE)
    if not named:
        return _USUAL
    try:
        seconds = float(named)
    except ValueError:
        seconds = 0.0
    if not _LEAST <= seconds <= _MOST:
        raise ParameterError(
            f"{TIMEOUT_VARIABLE} must be seconds from {_LEAST:g} to {_MOST:g}, got {named!r:.60}"
        )
    return seconds
