"""Which process a run belongs to, so that runs of killed processes can be ended."""

from __future__ import annotations

import socket

import psutil

_SAME_BIRTH = 2.0  # seconds


def owner() -> str:
    """Return what names this process: host, process id, time of birth."""
    me = psutil.Process()
    return f"{socket.gethostname()} {me.pid} {me.create_time():.0f}"


def is_dead(owner: str) -> bool:
    """Whether a run's process ran on this machine and is gone."""
    host, _, rest = owner.partition(" ")
    pid, _, born = rest.partition(" ")
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        # A clock that was set may move the times of birth of all processes by a little.
        return abs(psutil.Process(int(pid)).create_time() - float(born)) > _SAME_BIRTH
    except (psutil.NoSuchProcess, ValueError):
        return True
