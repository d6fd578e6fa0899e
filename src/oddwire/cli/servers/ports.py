"""Who listens on a port of the loopback."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

_LONGEST = 100  # letters of a command line


@dataclass(frozen=True)
class Holder:
    """A process that listens on a port.

    Parameters
    ----------
    pid
        Its number.
    command
        Its command line, cut where it is long; without addresses, which may hold a password.
    """

    pid: int
    command: str


def port_holder(port: int) -> Holder | None:
    """Return who listens on a port; None for nobody, or a process of another user's."""
    try:
        listening = [
            one.pid
            for one in psutil.net_connections("tcp")
            if one.status == psutil.CONN_LISTEN and one.laddr[1:] == (port,)
        ]
    except psutil.AccessDenied:  # macOS tells root alone
        return None
    pid = next((pid for pid in listening if pid is not None), None)
    return None if pid is None else Holder(pid, _command(pid))


def _command(pid: int) -> str:
    try:
        words = psutil.Process(pid).cmdline()
    except psutil.Error:
        return ""
    command = " ".join("…" if "://" in word else word for word in words)
    return command if len(command) <= _LONGEST else command[: _LONGEST - 1] + "…"
