"""What can go wrong in a way that a person can mend.

::

    OddwireError
    ├── ParameterError     a key or value of params.yaml, or an option, breaks a rule
    ├── DataError          a file, column or row is not what its source promises
    │   └── NoRowsError    a file is sound, and holds no rows
    ├── ModelError         a saved model is damaged, tampered with or of another schema
    ├── NoModelError       the registry has no such model (no champion yet)
    ├── NoStoreError       there is no store of alerts: nothing was watched yet
    ├── NotStoredError     the store has no such alert or incident
    ├── ServiceError       a server or tool that oddwire leans on does not answer or failed
    └── WatchedError       a source is watched already

Each message is one sentence that names the thing, the rule and the value got. The command line
prints it and exits with code 2; everything else is a defect and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable


class OddwireError(Exception):
    """The root of all errors that a user can mend."""


class ParameterError(OddwireError):
    """A key or value of ``params.yaml``, or an option, breaks a rule."""


class DataError(OddwireError):
    """A file, column or row is not what its source promises."""


class NoRowsError(DataError):
    """A file is sound, and holds no rows: a quiet hour's log."""


class ModelError(OddwireError):
    """A saved model is damaged, tampered with, or was made for other columns."""


class NoModelError(OddwireError):
    """The registry has no model for what was asked."""


class NoStoreError(OddwireError):
    """There is no store of alerts: nothing was watched yet."""


class NotStoredError(OddwireError):
    """The store has no such alert or incident."""


class ServiceError(OddwireError):
    """A server or tool that oddwire leans on does not answer or failed."""


class WatchedError(OddwireError):
    """A source is watched already: a second process would say everything twice."""


_LONGEST = 80


def short_repr(value: object) -> str:
    r"""Return a value as a message shows it: quoted, on one line, cut to 80 characters.

    Examples
    --------
    >>> print(short_repr("a\nb"), len(short_repr("x" * 1000)))
    'a\nb' 82
    """
    text = value if not isinstance(value, str) or len(value) <= _LONGEST else value[:_LONGEST]
    shown = repr(text)
    cut = text is not value or len(shown) > _LONGEST + 2  # and the quotes
    return f"{shown[: _LONGEST + 1]}…" if cut else shown


def listed(names: Iterable[str], most: int = 8) -> str:
    """Return names as a message shows them: quoted, the first few, and how many more there are."""
    shown = [short_repr(name) for name in names]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return (", ".join(shown[:most]) or "none") + more
