"""A TCP proxy that treats connections badly, by a seeded schedule."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

HOST = "127.0.0.1"
CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)  # close with RST rather than FIN


@dataclass(frozen=True)
class Schedule:
    """What happens to what a client sends, drawn anew for each chunk.

    Parameters
    ----------
    rate
        Share of chunks that something happens to.
    ends_after
        Chunks after which the server is as good as gone; None lets it live.
    end
        How: ``refuse`` or ``stall``.
    """

    rate: float
    ends_after: int | None = None
    end: str = "refuse"


CALM = Schedule(0.0)
KINDS = ("delay", "cut request", "lose answer", "truncate answer", "stall")
WEIGHTS = (4, 2, 2, 2, 1)


def schedule_of(random_: random.Random) -> Schedule:
    """Draw a schedule: from now and then to often, and sometimes a server that goes for good."""
    ends = random_.random() < 0.3
    return Schedule(
        random_.choice([0.01, 0.03, 0.06, 0.1]),
        random_.randrange(2, 200) if ends else None,
        random_.choice(["refuse", "stall"]),
    )


class FaultProxy:
    """Stands before a server on the loopback; `begin` says how badly it treats connections."""

    def __init__(self, target: int) -> None:
        self._target, self._schedule = target, CALM
        self._random, self._chunks = random.Random(0), 0
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self.port, self.counts = 0, Counter[str]()

    def begin(self, seed: object, schedule: Schedule) -> None:
        """Treat connections by a schedule from now on; those that are open end."""
        self._random, self._chunks, self._schedule = random.Random(str(seed)), 0, schedule
        self.counts = Counter()
        self._loop.call_soon_threadsafe(self._end_all)

    def _end_all(self) -> None:
        for writer in [*self._open]:
            writer.transport.abort()

    def _draw(self) -> str:
        schedule = self._schedule
        self._chunks += 1
        if schedule.ends_after is not None and self._chunks > schedule.ends_after:
            return schedule.end
        if self._random.random() >= schedule.rate:
            return ""
        return self._random.choices(KINDS, WEIGHTS)[0]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        upstream = None
        try:
            there, upstream = await asyncio.open_connection(HOST, self._target)
            answers = asyncio.ensure_future(_pump(there, writer))
            await self._requests(reader, writer, there, upstream, answers)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(writer)
            for each in (writer, upstream):
                if each is not None:
                    each.close()

    async def _requests(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
        answers: asyncio.Future[None],
    ) -> None:
        while chunk := await reader.read(CHUNK):
            kind = self._draw()
            if kind:
                self.counts[kind] += 1
            match kind:
                case "refuse":
                    return _reset(writer)
                case "stall":
                    answers.cancel()
                    await reader.read(-1)  # until the client gives up
                    return None
                case "delay":
                    await asyncio.sleep(self._random.uniform(0.01, 0.4))
                case "cut request":
                    upstream.write(chunk[: self._random.randrange(len(chunk))])
                    await upstream.drain()
                    return _reset(writer)
                case "lose answer":
                    answers.cancel()
                    upstream.write(chunk)
                    await upstream.drain()
                    await asyncio.sleep(0.1)  # the server does what it was asked to
                    return _reset(writer)
                case "truncate answer":
                    answers.cancel()
                    with suppress(asyncio.CancelledError):
                        await answers
                    upstream.write(chunk)
                    await upstream.drain()
                    answer = await there.read(CHUNK)
                    writer.write(answer[: self._random.randrange(1 + len(answer))])
                    await writer.drain()
                    return None  # with FIN, as if that were all
            upstream.write(chunk)
            await upstream.drain()
        return None

    @contextmanager
    def running(self) -> Iterator[FaultProxy]:
        """Listen on a free port for the length of a ``with``."""
        started = threading.Event()

        async def serve() -> None:
            server = await asyncio.start_server(self._serve, HOST, 0)
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            with suppress(asyncio.CancelledError):
                await server.serve_forever()

        task: list[asyncio.Task[None]] = []

        def run() -> None:
            asyncio.set_event_loop(self._loop)
            task.append(self._loop.create_task(serve()))
            self._loop.run_until_complete(task[0])

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        started.wait(10)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._end_all)
            self._loop.call_soon_threadsafe(task[0].cancel)
            thread.join(10)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
