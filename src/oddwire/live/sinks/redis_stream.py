"""A Redis stream: an entry per message, with its id as a field of its own to know it by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from oddwire.live.sinks.contract import Unreachable
from oddwire.masking import reason

if TYPE_CHECKING:
    from redis import Redis

    from oddwire.live.state import Message

_AT_ONCE = 200
_SECONDS = 5.0


class RedisStream:
    """Adds messages to a stream, at least once.

    Parameters
    ----------
    address
        ``redis://…`` or ``rediss://…``, as redis-py takes it.
    stream
        The key of the stream.
    longest
        Entries that the stream is trimmed to, about.
    seconds
        How long an answer may take.
    """

    most = _AT_ONCE

    def __init__(
        self, address: str, *, stream: str, longest: int = 1_000_000, seconds: float = _SECONDS
    ) -> None:
        self._address, self._stream = address, stream
        self._longest, self._seconds = longest, seconds
        self._client: Redis | None = None

    def deliver(self, messages: Sequence[Message], place: str) -> str:
        """Add the messages in one go; redis-py's own repeats are off, the outbox has its own."""
        from redis.exceptions import RedisError

        try:
            pipeline = self._connected().pipeline(transaction=True)
            for one in messages:
                fields: dict[Any, Any] = {"id": one.id, "kind": one.kind, "body": one.body}
                pipeline.xadd(self._stream, fields, maxlen=self._longest, approximate=True)
            pipeline.execute()
        except (RedisError, OSError) as error:
            # Even a refusal (no memory, a replica, no permission) is none of these messages alone.
            raise Unreachable(reason(error, self._address)) from error
        return place

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self) -> Redis:
        if self._client is None:
            from redis import Redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry

            self._client = Redis.from_url(
                self._address,
                socket_timeout=self._seconds,
                socket_connect_timeout=self._seconds,
                retry=Retry(NoBackoff(), 0),
            )
        return self._client
