"""Who holds a port is named, without a password that may stand in its command line."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

from command_line import wait_until

from oddwire.cli.servers.ports import port_holder
from oddwire.cli.servers.processes import HOST, free_port


def test_the_process_that_listens_is_named():
    with socket.create_server((HOST, 0)) as server:
        holder = port_holder(server.getsockname()[1])
    assert holder is not None
    assert holder.pid == os.getpid()
    assert "python" in holder.command or "pytest" in holder.command


def test_nobody_listens():
    assert port_holder(free_port()) is None


def test_an_address_in_a_command_line_is_not_shown(tmp_path):
    port = free_port()
    listens = f"import socket, time; s = socket.create_server(('{HOST}', {port})); time.sleep(60)"
    command = [sys.executable, "-c", listens, "--store", "postgresql://joe:secret@db/x"]
    with subprocess.Popen(command, cwd=tmp_path) as process:
        try:
            holder = wait_until(lambda: port_holder(port), 20, "a listener")
        finally:
            process.kill()
    assert holder.pid == process.pid
    assert "secret" not in holder.command
    assert len(holder.command) <= 100
