"""Keys of the artifacts that the Prefect page shows, which may hold small letters and dashes."""

from __future__ import annotations

import hashlib


def artifact_key(what: str, source: str) -> str:
    """Return the key of what is shown of a source, which is no other source's.

    A source's name may hold underscores. Such a one is told from that with dashes by a hash, where
    no name of a source can stand: none begins with a dash.

    Examples
    --------
    >>> artifact_key("drift", "nsl-kdd")
    'drift-nsl-kdd'
    >>> artifact_key("drift", "nsl_kdd")
    'drift--41eb13d8-nsl-kdd'
    """
    if "_" not in source:
        return f"{what}-{source}"
    digest = hashlib.sha256(source.encode()).hexdigest()[:8]
    return f"{what}--{digest}-{source.replace('_', '-')}"
