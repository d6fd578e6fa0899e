"""A topic of Kafka: each partition is a log, read by offsets that we keep ourselves.

No group of consumers is joined and no offset is committed to the broker.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from oddwire.errors import ServiceError, short_repr
from oddwire.live.following import Batch, Chunk, Limits, Position
from oddwire.live.following.servers.redis_messages import block_of

_USUAL = Limits()
_AT_ONCE = 1000
_WAIT, _LONGEST_WAIT, _ANSWER = 0.05, 30.0, 10.0  # seconds
_PARTITIONS_EVERY = 60.0


class KafkaFollower:
    """Follows a topic; others may read it too.

    Parameters
    ----------
    settings
        How to reach the brokers, as librdkafka names it.
    topic
        The topic.
    position
        Where to go on; None to begin.
    from_start
        Whether to begin with what it holds already; otherwise with what comes after.
    limits
        How much is read at once.

    Raises
    ------
    ServiceError
        If the client is not installed, or the settings are none.
    """

    has_end = ended = False

    def __init__(
        self,
        settings: Mapping[str, str],
        topic: str,
        *,
        position: Position | None = None,
        from_start: bool = False,
        limits: Limits = _USUAL,
    ) -> None:
        self._kafka = _client()
        self._topic, self._limits = topic, limits
        self._position: dict[str, dict[str, int]] = {
            key: dict(value) for key, value in (position or {}).items()
        }
        self._at_end = position is None and not from_start
        self._is_down, self._due = True, 0.0
        self._notices: list[str] = []
        with self._named():
            self._consumer = self._kafka.Consumer(
                {
                    **settings, "group.id": "oddwire", "enable.auto.commit": False,
                    "auto.offset.reset": "error", "error_cb": self._hear,
                },
                logger=logging.getLogger(__name__),
            )  # fmt: skip

    def poll(self, *, final: bool = False) -> Batch | None:
        """Return what there is to read now, None where there is nothing.

        Raises
        ------
        ServiceError
            If no broker answers, or there is no such topic.
        """
        with self._named():
            begun = self._assign() if self._is_down or time.monotonic() >= self._due else ()
            messages = self._messages(_LONGEST_WAIT if final else 0.0)
        chunks = tuple(self._chunks(messages))
        notices, self._notices = tuple(self._notices), []
        moved = {*begun, *(chunk.log for chunk in chunks)}
        if not moved and not notices:
            return None
        position = {key: dict(value) for key, value in self._position.items()}
        return Batch(chunks, position, {key: position[key] for key in moved}, notices)

    def confirm(self, position: Position) -> None:
        """The topic is whose it is."""

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def _assign(self) -> tuple[str, ...]:
        """Read on from every partition that there is; return those that are new."""
        found = self._consumer.list_topics(self._topic, timeout=_ANSWER).topics[self._topic]
        if found.error is not None:
            raise ServiceError(f"Kafka, topic {short_repr(self._topic)}: {found.error.str()}")
        keys = {_key(number): number for number in found.partitions}
        new = tuple(key for key in keys if key not in self._position)
        if new or self._is_down:
            places = [self._place(key, number) for key, number in keys.items()]
            self._consumer.assign(places)
        self._at_end = self._is_down = False  # partitions that come later are read from the start
        self._due = time.monotonic() + _PARTITIONS_EVERY
        return new

    def _place(self, key: str, number: int) -> Any:
        place = self._kafka.TopicPartition(self._topic, number)
        low, high = self._consumer.get_watermark_offsets(place, timeout=_ANSWER)
        start = {"next": high if self._at_end else low, "lines": 0}
        one = self._position.setdefault(key, start)
        lost = low - one["next"]
        if lost > 0:
            self._notices.append(f"{lost:,} messages of {self._shown(key)} were deleted unread")
        elif one["next"] > high:
            self._notices.append(f"{self._shown(key)} was begun anew: it is read from its start")
        if lost > 0 or one["next"] > high:
            one["next"] = low
        return self._kafka.TopicPartition(self._topic, number, one["next"])

    def _messages(self, patience: float) -> list[Any]:
        found: list[Any] = []
        size, until = 0, time.monotonic() + patience
        while size < self._limits.batch_bytes:
            some = self._consumer.consume(_AT_ONCE, 0 if found else _WAIT)
            for message in some:
                if message.error() is not None:  # what was next is there no more
                    self._is_down = True
            good = [message for message in some if message.error() is None]
            found += good
            size += sum(len(message.value() or b"") for message in good)
            waits = not found and not self._is_down and time.monotonic() < until
            if not some and not (waits and self._is_behind()):
                break
        return found

    def _is_behind(self) -> bool:
        ends = {
            key: self._consumer.get_watermark_offsets(
                self._kafka.TopicPartition(self._topic, int(key.rpartition(" ")[2])),
                timeout=_ANSWER,
            )[1]
            for key in self._position
        }
        return any(self._position[key]["next"] < end for key, end in ends.items())

    def _chunks(self, messages: list[Any]) -> Iterator[Chunk]:
        apart: dict[str, list[Any]] = {}
        for message in messages:
            apart.setdefault(_key(message.partition()), []).append(message)
        for key, some in apart.items():
            one = self._position[key]
            lines = [message.value() or b"" for message in some]
            block = block_of(lines, one["lines"] + 1, self._limits.line_bytes)
            one["next"], one["lines"] = some[-1].offset() + 1, one["lines"] + len(lines)
            yield Chunk(key, self._shown(key), block)

    def _shown(self, key: str) -> str:
        return f"the topic {short_repr(self._topic)}, {key}"

    def _hear(self, error: Any) -> None:
        self._is_down |= error.code() == self._kafka.KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001 - how it is named

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except self._kafka.KafkaException as error:
            self._is_down = True
            reason = error.args[0].str()
            raise ServiceError(f"Kafka, topic {short_repr(self._topic)}: {reason}") from None


def _key(partition: int) -> str:
    return f"partition {partition}"


def _client() -> Any:
    try:
        import confluent_kafka
    except ImportError:
        raise ServiceError(
            "Kafka cannot be read, as its client is not installed: pip install 'oddwire[kafka]'"
        ) from None
    return confluent_kafka
