"""Servers that sinks deliver to: on a free port of this machine, up and down as a test wants."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """Return a port that nothing listens on."""
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Hook:
    """What a webhook was sent, and what it answers next: the last answer stays."""

    port: int
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=lambda: [(204, {})])
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    slow: float = 0.0

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        """The idempotency keys that were sent, in order."""
        return [headers["Idempotency-Key"] for headers, _ in self.got]


@contextmanager
def webhook(hook: Hook) -> Iterator[Hook]:
    """Serve a webhook while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(hook.slow)
            hook.got.append((dict(self.headers), body))
            code, headers = hook.answers.pop(0) if len(hook.answers) > 1 else hook.answers[0]
            self.send_response(code)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    opened: list[socket.socket] = []

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def get_request(self) -> tuple[socket.socket, object]:
            one, address = super().get_request()
            opened.append(one)
            return one, address

    server = Server(("127.0.0.1", hook.port), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
        for one in opened:  # a server that is down answers on no old connection either
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@dataclass
class Lines:
    """What a syslog server over TCP was sent: the bytes of every connection."""

    port: int
    connections: list[bytearray] = field(default_factory=list)

    def messages(self) -> list[bytes]:
        """Return what was sent, as framed by octet counting."""
        found = []
        for sent in self.connections:
            rest = bytes(sent)
            while rest:
                size, _, rest = rest.partition(b" ")
                if len(rest) < int(size or len(rest) + 1):
                    break  # the end is on its way
                found.append(rest[: int(size)])
                rest = rest[int(size) :]
        return found


@contextmanager
def syslog_tcp(lines: Lines) -> Iterator[Lines]:
    """Serve syslog over TCP while the block runs; at its end every connection is closed."""
    listening = socket.create_server(("127.0.0.1", lines.port))
    opened: list[socket.socket] = []
    threads = []

    def read(one: socket.socket, into: bytearray) -> None:
        try:
            while piece := one.recv(65536):
                into += piece
        except OSError:
            pass

    def accept() -> None:
        while True:
            try:
                one, _ = listening.accept()
            except OSError:
                return
            opened.append(one)
            lines.connections.append(bytearray())
            threads.append(Thread(target=read, args=(one, lines.connections[-1]), daemon=True))
            threads[-1].start()

    accepting = Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield lines
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        accepting.join(10)
        for one in opened:
            one.shutdown(socket.SHUT_RD)  # what is on its way is read to its end
        for thread in threads:
            thread.join(10)
        for one in opened:
            one.close()
