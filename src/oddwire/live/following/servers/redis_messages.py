"""Messages of a Redis server as lines, and its errors as ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from oddwire.errors import DataError, ServiceError, short_repr
from oddwire.masking import masked
from oddwire.traffic.sources.logs.parsing.lines import Block

if TYPE_CHECKING:
    import redis

MOST_MESSAGES = 10_000  # asked for at once; as many of EVE as a batch may hold


def connect(url: str) -> redis.Redis:
    """Return a client of a server; it connects when it is first asked.

    Raises
    ------
    ServiceError
        If the URL is none of Redis.
    """
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    # What takes messages off must never be sent twice by itself.
    once = Retry(NoBackoff(), 0)
    try:
        return redis.Redis.from_url(url, socket_timeout=10, health_check_interval=30, retry=once)
    except ValueError as error:
        raise ServiceError(f"{masked(url)} is no address of Redis: {error}") from None


@contextmanager
def named(key: str) -> Iterator[None]:
    """Turn errors of Redis into ours.

    Raises
    ------
    DataError
        If the key holds something else.
    ServiceError
        If the server does not answer.
    """
    import redis

    try:
        yield
    except redis.ResponseError as error:
        raise DataError(f"the key {short_repr(key)} of Redis: {error}") from None
    except redis.RedisError as error:
        raise ServiceError(f"Redis, key {short_repr(key)}: {error}") from None


def block_of(messages: Sequence[bytes], first: int, longest: int) -> Block:
    """Return messages as lines, one of each; those longer than allowed are empty and named."""
    lines, too_long = [], []
    for number, message in enumerate(messages, first):
        line = message.rstrip(b"\r\n").replace(b"\n", b" ")  # between values of JSON: a blank
        if len(line) > longest:
            too_long.append(number)
            line = b""
        lines.append(line + b"\n")
    return Block(first, b"".join(lines), tuple(too_long))


def within(messages: Sequence[bytes], most: int) -> int:
    """Return how many of some messages, at least one, have so many bytes together."""
    size = 0
    for count, message in enumerate(messages):
        size += len(message)
        if size > most and count:
            return count
    return len(messages)
