"""Whoever of a server, its watchdog and their parent is killed: nothing stays on the port."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from itertools import combinations

import psutil
import pytest
from command_line import group_members, wait_until

from oddwire.cli.servers.processes import free_port, is_free

ALL = ("parent", "watchdog", "server")
KILLED = [who for count in (1, 2, 3) for who in combinations(ALL, count)]

# As `up` and `train` do: they start servers, and end them when one of them stops.
PARENT = """
import sys, time
from pathlib import Path
from oddwire.cli.servers.processes import start
from oddwire.project import Project

server = start("Small server", ["small_server", sys.argv[1]], project=Project(Path.cwd()))
while server.process.poll() is None:
    time.sleep(0.05)
server.end()
"""
SERVER = """
import socket, subprocess, sys, time
from oddwire.cli.servers.parent_watchdog import end_with_parent

end_with_parent()
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])  # such as a flow run
with socket.create_server(("127.0.0.1", int(sys.argv[1]))):
    time.sleep(600)
"""


@pytest.fixture
def running(tmp_path):
    """A parent, the watchdog and the server that it started, and the server's port."""
    (tmp_path / "small_server.py").write_text(SERVER)
    port = free_port()
    path = os.pathsep.join([str(tmp_path), *sys.path])
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(port)], cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    try:
        wait_until(lambda: not is_free(port), 60, "the server")
        (watchdog,) = psutil.Process(parent.pid).children()
        (server,) = watchdog.children()
        wait_until(server.children, 30, "what the server started")
        yield {"parent": parent, "watchdog": watchdog, "server": server}, port
    finally:
        parent.kill()
        parent.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(watchdog.pid, signal.SIGKILL)


@pytest.mark.parametrize("killed", KILLED, ids="+".join)
def test_nothing_stays_on_the_port(running, killed):
    processes, port = running
    for name in killed:
        with contextlib.suppress(psutil.NoSuchProcess):  # it went with the one before
            processes[name].send_signal(signal.SIGKILL)
    wait_until(lambda: is_free(port), 30, "a free port")
    if killed != ALL:  # then nobody is left to end what the server had started
        group = processes["watchdog"].pid
        wait_until(lambda: not group_members(group), 30, "the end of the group")
