"""How many records tell of a connection that was told before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oddwire.traffic.sources.logs.interim import connection_keys

if TYPE_CHECKING:
    import pyarrow as pa

_LONG = 10.0  # seconds: shorter connections are told once
_MOST = 100_000


class ToldAgain:
    """Counts interim records of long connections; only what came lately is remembered."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: dict[int, None] = {}

    def count(self, connections: pa.Table) -> int:
        """Return how many of the next connections have the uid and start of an earlier one."""
        import pyarrow.compute as pc

        long = connections.filter(pc.greater_equal(connections["duration"], _LONG))
        found = 0
        for key in connection_keys(long).tolist() if long.num_rows else ():
            if not key:  # no uid
                continue
            found += key in self._known
            self._known.pop(key, None)
            self._known[key] = None
        while len(self._known) > self._most:
            del self._known[next(iter(self._known))]
        return found
