"""What an input is called by, and what follows it: files, standard input, Redis, Kafka."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlencode, urlsplit, urlunsplit

from oddwire.errors import DataError, ParameterError
from oddwire.masking import masked, parses
from oddwire.params import GROWING, SourceSettings
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:  # an address is looked at before what takes long to import
    from oddwire.live.following import Follower, Position

    Opener = Callable[[Position | None, bool], Follower]  # where to go on, whether from the start

_ALLOWED = (
    "an input must be - (standard input), redis://HOST[:PORT][/DB]?list=KEY, the same with"
    " ?stream=KEY, or kafka://HOST[:PORT]/TOPIC"
)
_DIGITS = 12
_KAFKA_OPTIONS = ("security.", "sasl.", "ssl.")


@dataclass(frozen=True)
class Input:
    """What is read.

    Parameters
    ----------
    name
        What its position is saved under: without secrets, the same in every process.
    shown
        What to call it in a message.
    open
        Returns a follower that goes on from a position, or begins.
    is_files
        Whether its logs are files, which have names of their own.
    has_messages
        Whether its lines are messages of a server.
    """

    name: str
    shown: str
    open: Opener
    is_files: bool = False
    has_messages: bool = False

    def key(self, log: str) -> str:
        """Return what to call one of its logs: no other input has one of that name."""
        if self.is_files:
            return log
        digest = hashlib.blake2b(self.name.encode(), digest_size=_DIGITS // 2).hexdigest()
        return f"{log}-{digest}"


def check_grows(name: str, source: SourceSettings) -> None:
    """Refuse a source of which nothing is read while it grows.

    Raises
    ------
    DataError
        Naming the formats of those that can be followed.
    """
    if source.format not in GROWING:
        raise DataError(
            f"source {name!r} has the format {source.format}, of which nothing is read while it"
            f" grows: only sources of the formats {', '.join(GROWING)} can be followed;"
            " let Zeek or Suricata write a log, and add that as a source"
        )


def input_at(address: str) -> Input:
    """Return the input at an address, looked at without asking anybody.

    Raises
    ------
    ParameterError
        If no input is written so.
    """
    if address == "-":
        return Input("-", "standard input", _open_pipe)
    if "://" not in address or not parses(address):
        shown = masked(address) if "@" in address else printable(address, 80)
        raise ParameterError(f"{_ALLOWED}; got {shown}")
    parts = urlsplit(address)
    if parts.scheme in {"redis", "rediss"} and parts.hostname:
        return _redis(address)
    if parts.scheme == "kafka" and parts.hostname and parts.path.strip("/"):
        return _kafka(address)
    raise ParameterError(f"{_ALLOWED}; got {masked(address)}")


def _open_pipe(_: Position | None, __: bool) -> Follower:
    from oddwire.live.following.pipe import PipeFollower

    if sys.stdin is None:  # any file that was opened since has its number
        raise DataError("standard input is closed: - reads what another program writes to it")
    return PipeFollower()


def _redis(address: str) -> Input:
    parts = urlsplit(address)
    options = parse_qs(parts.query)
    lists, streams = options.pop("list", []), options.pop("stream", [])
    pushed = options.pop("pushed", ["left"])[-1]
    if len(lists) + len(streams) != 1 or pushed not in {"left", "right"}:
        raise ParameterError(f"{_ALLOWED}; got {masked(address)}")
    url = urlunsplit(parts._replace(query=urlencode(options, doseq=True)))
    kind, key = ("list", lists[0]) if lists else ("stream", streams[0])
    server = f"{parts.hostname}:{parts.port or 6379}{unquote(parts.path)}"

    def opened(position: Position | None, from_start: bool) -> Follower:
        from oddwire.live.following.servers.redis_list import RedisListFollower
        from oddwire.live.following.servers.redis_messages import connect
        from oddwire.live.following.servers.redis_stream import RedisStreamFollower

        client = connect(url)
        if kind == "list":
            return RedisListFollower(
                client, key, position=position, pushed="right" if pushed == "right" else "left"
            )
        return RedisStreamFollower(client, key, position=position, from_start=from_start)

    shown = f"the {kind} {printable(key, 80)} of {masked(address).partition('?')[0]}"
    return Input(f"redis {server} {kind} {key}", shown, opened, has_messages=True)


def _kafka(address: str) -> Input:
    parts = urlsplit(address)
    topic, server = parts.path.strip("/"), f"{parts.hostname}:{parts.port or 9092}"
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if any(not name.startswith(_KAFKA_OPTIONS) for name in options):
        raise ParameterError(f"{_ALLOWED}; got {masked(address)}")
    settings = {"bootstrap.servers": server}
    if parts.username is not None:
        settings |= {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}
        settings |= {"sasl.username": unquote(parts.username)}
        settings |= {"sasl.password": unquote(parts.password or "")}

    def opened(position: Position | None, from_start: bool) -> Follower:
        from oddwire.live.following.servers.kafka import KafkaFollower

        return KafkaFollower(
            {**settings, **options}, topic, position=position, from_start=from_start
        )

    shown = f"the topic {printable(topic, 80)} of {server}"
    return Input(f"kafka {server} {topic}", shown, opened, has_messages=True)
