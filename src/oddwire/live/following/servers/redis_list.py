"""A list of Redis, as Suricata pushes its events to: taken from the other end.

Messages stay in the list until their position was saved, and are then taken off together with
raising a count beside the list (``KEY:oddwire``). The position saved says up to which count they
were processed, so that messages that were processed and not yet taken off are not read again.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Literal

from oddwire.errors import short_repr
from oddwire.live.following import Batch, Chunk, Limits, Position
from oddwire.live.following.servers.redis_messages import MOST_MESSAGES, block_of, named, within

if TYPE_CHECKING:
    import redis

_LIST = "list"
_USUAL = Limits()


class RedisListFollower:
    """Follows a list that nobody else takes from.

    Parameters
    ----------
    client
        Of the server, such that it returns bytes.
    key
        The list's key.
    position
        Where to go on; None to begin with what the list holds.
    pushed
        At which end messages come in: ``left`` by LPUSH, as Suricata's mode ``list`` does.
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
        pushed: Literal["left", "right"] = "left",
        limits: Limits = _USUAL,
    ) -> None:
        self._client: Any = client
        self._key, self._beside = key, f"{key}:oddwire"
        self._limits, self._pushed = limits, pushed
        self._saved = (position or {}).get(_LIST)
        self._count: str | None = None  # which count it is: a server may lose it
        self._taken = self._read = 0
        self._is_unsure = False  # an answer was lost: were the messages taken off?
        self._ends: dict[int, bytes] = {}  # the last message of each batch not confirmed
        self._notices: list[str] = []

    def poll(self, *, final: bool = False) -> Batch | None:  # noqa: ARG002 - all is looked at
        """Return what there is to read now, None where there is nothing.

        Raises
        ------
        DataError
            If the key is of no list.
        ServiceError
            If the server does not answer.
        """
        with named(self._key):
            if self._count is None:
                self._begin()
            self._make_sure()
            messages = self._messages(self._read - self._taken, MOST_MESSAGES)
        notices, self._notices = tuple(self._notices), []
        if not messages and not notices:
            return None
        messages = messages[: within(messages, self._limits.batch_bytes)]
        block = block_of(messages, self._read + 1, self._limits.line_bytes)
        self._read += len(messages)
        if messages:
            self._ends[self._read] = messages[-1]
        position = {_LIST: {"count": self._count, "read": self._read}}
        chunks = (Chunk(_LIST, f"the list {short_repr(self._key)}", block),) if messages else ()
        return Batch(chunks, position, dict(position), notices)

    def confirm(self, position: Position) -> None:
        """Take off the list what was saved.

        Raises
        ------
        ServiceError
            If the server does not answer.
        """
        read = position[_LIST]["read"]
        last = self._ends.get(read)
        if last is None or read <= self._taken:
            return
        with named(self._key):
            self._make_sure()
            if read <= self._taken:
                pass  # they were taken off, and the answer was lost
            elif self._messages(read - self._taken - 1, 1) == [last]:
                self._take(read - self._taken)
            else:  # somebody else took from it: what was read of it is gone already
                self._start_count()
        self._ends = {end: message for end, message in self._ends.items() if end > read}

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _begin(self) -> None:
        count, taken = self._client.hmget(self._beside, "count", "taken")
        if count is None:
            self._start_count()
        else:
            self._count, self._taken = count.decode(), int(taken)
        self._read = self._taken
        if self._saved is None:
            return
        if self._saved["count"] != self._count:
            self._notices.append(
                f"the list {short_repr(self._key)} was begun anew: it is read from its start"
            )
        elif (ahead := self._saved["read"] - self._taken) > 0:
            self._take(min(ahead, self._client.llen(self._key)))
        elif ahead < 0:
            self._notices.append(
                f"{-ahead:,} messages were taken off the list {short_repr(self._key)} since"
            )
        self._read = self._taken

    def _start_count(self) -> None:
        self._count, self._taken, self._read = secrets.token_hex(8), 0, 0
        self._ends = {}
        self._client.hset(self._beside, mapping={"count": self._count, "taken": 0})

    def _messages(self, skip: int, most: int) -> list[bytes]:
        """Return messages in the order in which they came, after the oldest ones."""
        if self._pushed == "right":
            found: list[bytes] = self._client.lrange(self._key, skip, skip + most - 1)
            return found
        found = self._client.lrange(self._key, -(skip + most), -(skip + 1))
        return found[::-1]

    def _make_sure(self) -> None:
        if self._is_unsure:
            count, taken = self._client.hmget(self._beside, "count", "taken")
            if count is not None and count.decode() == self._count:
                self._taken = int(taken)
            self._is_unsure = False

    def _take(self, number: int) -> None:
        self._is_unsure = True
        begin, end = (number, -1) if self._pushed == "right" else (0, -(number + 1))
        with self._client.pipeline(transaction=True) as both:
            both.ltrim(self._key, begin, end)
            both.hincrby(self._beside, "taken", number)
            both.execute()
        self._taken += number
        self._is_unsure = False
