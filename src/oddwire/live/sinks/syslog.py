"""Syslog: RFC 5424 messages over TCP (framed by octet counting, RFC 6587), TLS or UDP.

Syslog has no answers. Over TCP a message counts as taken once the other machine's kernel has it,
which is all that can be known; over UDP once it is sent.
"""

from __future__ import annotations

import array
import contextlib
import os
import socket
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from oddwire.live.sinks.contract import Refused, Unreachable

if TYPE_CHECKING:
    from oddwire.live.state import Message

Transport = Literal["udp", "tcp", "tls"]
_SECONDS = 5.0
_AT_ONCE = 100
_LONGEST_DATAGRAM = 65_507
_FACILITY_LOCAL0, _SEVERITY_WARNING = 16, 4
_PRIORITY = 8 * _FACILITY_LOCAL0 + _SEVERITY_WARNING
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # says that what follows is UTF-8
_LOOK_EVERY = 0.002
_NOTHING = "-"
_HOST_LETTERS, _ID_LETTERS = 255, 32


class Syslog:
    """Sends messages to a syslog server.

    Parameters
    ----------
    host, port
        Where the server is.
    transport
        ``tcp``, ``tls`` or ``udp``.
    seconds
        How long connecting and sending may take.
    """

    def __init__(
        self, host: str, port: int, *, transport: Transport = "tcp", seconds: float = _SECONDS
    ) -> None:
        self._host, self._port = host, port
        self._transport, self._seconds = transport, seconds
        self._socket: socket.socket | None = None

    @property
    def most(self) -> int:
        """A datagram may be refused for its own length; of a stream nothing ever is."""
        return 1 if self._transport == "udp" else _AT_ONCE

    def deliver(self, messages: Sequence[Message], place: str) -> str:
        """Send the messages."""
        lines = [as_syslog(message) for message in messages]
        try:
            if self._transport == "udp":
                self._send_datagrams(lines)
            else:
                self._send_stream(b"".join(b"%d %b" % (len(line), line) for line in lines))
        except OSError as error:
            self.close()
            said = error.strerror or str(error) or type(error).__name__
            raise Unreachable(f"{self._transport} {self._host}:{self._port}: {said}") from error
        return place

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def _send_datagrams(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            if len(line) > _LONGEST_DATAGRAM:
                raise Refused(
                    f"a datagram holds at most {_LONGEST_DATAGRAM:,} bytes, got {len(line):,}: "
                    "use syslog+tcp"
                )
            self._connected().send(line)

    def _send_stream(self, text: bytes) -> None:
        if self._socket is not None and _is_ended(self._socket):
            self.close()  # a restarted server: what is sent to the old connection is lost
        connection = self._connected()
        connection.sendall(text)
        _wait_until_held(connection, self._seconds)

    def _connected(self) -> socket.socket:
        if self._socket is None:
            if self._transport == "udp":
                self._socket = _datagrams(self._host, self._port)
            else:
                plain = socket.create_connection((self._host, self._port), self._seconds)
                self._socket = self._secured(plain) if self._transport == "tls" else plain
            self._socket.settimeout(self._seconds)
        return self._socket

    def _secured(self, plain: socket.socket) -> socket.socket:
        try:
            context = ssl.create_default_context()
            return context.wrap_socket(plain, server_hostname=self._host)
        except OSError:
            plain.close()
            raise


def as_syslog(message: Message, *, now: datetime | None = None, host: str | None = None) -> bytes:
    """Return a message as RFC 5424 writes it; its id is in the structured data.

    Parameters
    ----------
    now, host
        The time and the name of this machine, by default those.
    """
    at = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="milliseconds")
    at = at.replace("+00:00", "Z")
    named = _word(host if host is not None else socket.gethostname(), _HOST_LETTERS)
    kind = _word(message.kind, _ID_LETTERS)
    head = f"<{_PRIORITY}>1 {at} {named} oddwire {os.getpid()} {kind}"
    # 32473 is the number that RFC 5612 sets aside for examples and documents.
    data = f'[oddwire@32473 id="{message.id}"]'
    return f"{head} {data} ".encode() + _BYTE_ORDER_MARK + message.body.encode("utf-8")


def _word(text: str, longest: int) -> str:
    """Return printable ASCII without spaces, as the header's fields must be."""
    return "".join(letter for letter in text if "!" <= letter <= "~")[:longest] or _NOTHING


def _datagrams(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.connect(address)
    except OSError:
        made.close()
        raise
    return made


def _is_ended(connection: socket.socket) -> bool:
    """Tell whether the server has closed a connection: a syslog server never writes."""
    if isinstance(connection, ssl.SSLSocket):
        return False  # looking would take part of the next record
    seconds = connection.gettimeout()
    connection.settimeout(0)
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(seconds)


def _wait_until_held(connection: socket.socket, seconds: float) -> None:
    """Wait until the other kernel has said that it has everything that was sent."""
    import fcntl
    import termios

    left = array.array("i", [0])
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, left)
        except OSError:  # no such question on this system
            return
        if left[0] == 0:
            break
        if time.monotonic() > until:
            raise TimeoutError(None, "what was sent is not acknowledged")
        time.sleep(_LOOK_EVERY)
    failed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if failed:  # a reset empties the queue too
        raise OSError(failed, os.strerror(failed))
