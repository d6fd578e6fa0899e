"""A stream of Redis, read from the entry after the one that was read last."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from oddwire.errors import short_repr
from oddwire.live.following import Batch, Chunk, Limits, Position
from oddwire.live.following.servers.redis_messages import MOST_MESSAGES, block_of, named, within

if TYPE_CHECKING:
    import redis

_STREAM = "stream"
_FIELDS = (b"eve", b"message")  # Suricata's, and what others call it
_NONE = "0-0"
_USUAL = Limits()


class RedisStreamFollower:
    """Follows a stream; others may read it too.

    Parameters
    ----------
    client
        Of the server, such that it returns bytes.
    key
        The stream's key.
    position
        Where to go on; None to begin.
    from_start
        Whether to begin with what it holds already; otherwise with what comes after.
    limits
        How much is read at once.
    """

    has_end = ended = False

    def __init__(
        self,
        client: redis.Redis,
        key: str,
        *,
        position: Position | None = None,
        from_start: bool = False,
        limits: Limits = _USUAL,
    ) -> None:
        self._client: Any = client
        self._key, self._limits = key, limits
        saved = (position or {}).get(_STREAM)
        self._last: str | None = saved["last"] if saved else _NONE if from_start else None
        self._lines = saved["lines"] if saved else 0
        self._added = saved["added"] if saved else 0  # as the stream counts its entries

    def poll(self, *, final: bool = False) -> Batch | None:  # noqa: ARG002 - all is looked at
        """Return what there is to read now, None where there is nothing.

        Raises
        ------
        DataError
            If the key is of no stream.
        ServiceError
            If the server does not answer.
        """
        with named(self._key):
            if self._last is None:
                self._last = self._newest()
                return self._batch((), ())
            found = self._client.xrange(self._key, min=f"({self._last}", count=MOST_MESSAGES)
            if not found:
                return None
            notices = self._lost(found[0][0])
        messages = [_message(fields) for _, fields in found]
        count = within(messages, self._limits.batch_bytes)
        self._last = found[count - 1][0].decode()
        block = block_of(messages[:count], self._lines + 1, self._limits.line_bytes)
        self._lines += count
        self._added += count
        return self._batch((Chunk(_STREAM, f"the stream {short_repr(self._key)}", block),), notices)

    def confirm(self, position: Position) -> None:
        """The stream is whose it is: who writes it says how long it may be."""

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _batch(self, chunks: tuple[Chunk, ...], notices: tuple[str, ...]) -> Batch:
        position = {_STREAM: {"last": self._last, "lines": self._lines, "added": self._added}}
        return Batch(chunks, position, dict(position), notices)

    def _newest(self) -> str:
        if not self._client.exists(self._key):
            return _NONE
        found = self._client.xinfo_stream(self._key)
        self._added = found.get("entries-added", 0)
        newest: str = found["last-generated-id"].decode()
        return newest

    def _lost(self, first: bytes) -> tuple[str, ...]:
        """Tell whether entries were cut off the stream before they were read."""
        found = self._client.xinfo_stream(self._key)
        oldest = found["first-entry"]
        if oldest is None or oldest[0] != first:
            return ()
        if "entries-added" in found:
            lost = found["entries-added"] - found["length"] - self._added
            self._added += max(lost, 0)
            said = f"{lost:,} entries" if lost > 0 else None
        else:  # before Redis 7: the entry that was read last is gone, and perhaps more
            said = "perhaps some entries" if self._last != _NONE else None
        if said is None:
            return ()
        told = f"{said} of the stream {short_repr(self._key)} were cut off before they were read"
        return (f"{told}: give it a longer MAXLEN",)


def _message(fields: dict[bytes, bytes]) -> bytes:
    for name in _FIELDS:
        if name in fields:
            return fields[name]
    if len(fields) == 1:
        return next(iter(fields.values()))
    plain = {_text(name): _text(value) for name, value in fields.items()}
    return json.dumps(plain).encode()  # for the reader to make something of, or to refuse


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")
