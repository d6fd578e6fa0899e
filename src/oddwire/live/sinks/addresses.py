"""What ``--sink`` takes: a file, or the address of a server."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from oddwire.errors import ParameterError
from oddwire.live.alerts.alert import hashed_id
from oddwire.live.sinks.contract import Sink
from oddwire.live.sinks.json_lines import JsonLines
from oddwire.live.sinks.redis_stream import RedisStream
from oddwire.live.sinks.syslog import Syslog, Transport
from oddwire.live.sinks.webhook import TOKEN_VARIABLE, Webhook, server_of
from oddwire.loopback import LOOPBACK
from oddwire.masking import masked, parses

STREAM = "oddwire"
_DIGITS = 8
_FILE_ENDINGS = (".jsonl", ".ndjson")
_SYSLOG: dict[str, tuple[Transport, int]] = {
    "syslog": ("udp", 514),  # what the word means everywhere
    "syslog+udp": ("udp", 514),
    "syslog+tcp": ("tcp", 601),
    "syslog+tls": ("tls", 6514),
}
_ALLOWED = (
    "--sink must be a FILE.jsonl, redis://HOST[:PORT][/DB][?stream=NAME], https://…, "
    "syslog[+tcp|+tls]://HOST[:PORT]"
)


@dataclass(frozen=True)
class SinkAddress:
    """Where a sink is.

    Parameters
    ----------
    text
        As it was given; it may hold a password.
    name
        What it is known by: without secrets, the same in every process.
    """

    text: str
    name: str


def sink_address(text: str, *, folder: Path | None = None) -> SinkAddress:
    """Return the address of a sink, looked at without asking anybody.

    Parameters
    ----------
    folder
        What the path of a file is relative to; by default the working directory.

    Raises
    ------
    ParameterError
        If no sink is written so.
    """
    if "://" not in text:
        if not text.endswith(_FILE_ENDINGS):
            raise ParameterError(f"{_ALLOWED}; got {masked(text) if '@' in text else text!r:.80}")
        path = Path(os.path.abspath(Path(folder or Path.cwd()) / text))  # noqa: PTH100 - links stay
        return SinkAddress(str(path), str(path))
    if not parses(text):
        raise ParameterError(f"{_ALLOWED}; got {masked(text)}")
    parts = urlsplit(text)
    known = {"redis", "rediss", "https", "http", *_SYSLOG}
    if parts.scheme not in known or not parts.hostname:
        raise ParameterError(f"{_ALLOWED}; got {masked(text)}")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ParameterError(f"--sink must be https:// for another machine, got {masked(text)}")
    return SinkAddress(text, _name(text, parts.scheme))


def open_sink(address: SinkAddress) -> Sink:
    """Return the sink at an address; nothing is connected to before something is delivered."""
    text = address.text
    if "://" not in text:
        return JsonLines(Path(text))
    parts = urlsplit(text)
    if parts.scheme.startswith("redis"):
        return RedisStream(_without_stream(text), stream=_stream(text))
    if parts.scheme in _SYSLOG:
        transport, port = _SYSLOG[parts.scheme]
        return Syslog(parts.hostname or "", parts.port or port, transport=transport)
    return Webhook(text, token=os.environ.get(TOKEN_VARIABLE, ""))


def _name(text: str, scheme: str) -> str:
    if scheme.startswith("http"):  # two hooks of one server are two sinks
        return f"{server_of(text)} {hashed_id('webhook', text)[:_DIGITS]}"
    stream = f" {_stream(text)}" if scheme.startswith("redis") else ""
    return masked(text) + stream


def _stream(text: str) -> str:
    return (parse_qs(urlsplit(text).query).get("stream") or [STREAM])[-1]


def _without_stream(text: str) -> str:
    """Return an address as redis-py takes it: it knows no option of that name."""
    parts = urlsplit(text)
    options = parse_qs(parts.query)
    options.pop("stream", None)
    return urlunsplit(parts._replace(query=urlencode(options, doseq=True)))
