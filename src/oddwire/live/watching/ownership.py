"""Who a project is, for a store of alerts that several share: its folder may move, and be copied.

A file in `Project.live` holds an id and the place where it was last used. At another place, the
project has moved; where the file is still at the former place too, this is a copy, and becomes a
project of its own.
"""

from __future__ import annotations

import socket
from pathlib import Path
from uuid import uuid4

from oddwire.disk.drafts import whole_file
from oddwire.faults import faults_as_errors
from oddwire.live.state import Owner
from oddwire.operations.locks import lock
from oddwire.project import Project

ID_FILE = "project.id"


def owner_of(project: Project) -> Owner:
    """Return who a project is; the first time, and where its folder has moved, that is kept.

    Raises
    ------
    ServiceError
        If it cannot be kept.
    """
    file, here = project.live / ID_FILE, f"{socket.gethostname()}:{project.root}"
    with lock(project.locks / "project-id.lock", "another watch of this project to begin"):
        with faults_as_errors():
            name, place = _read(file)
            if name and place == here:
                return Owner(name, here)
            if not name or _is_another(project, name, place):
                name = uuid4().hex
            file.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(file) as draft:
                draft.write_text(f"{name}\n{here}\n", encoding="utf-8")
        return Owner(name, here)


def _read(file: Path) -> tuple[str, str]:
    """Return the id and the place that a file holds; empty where there is none."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return "", ""
    name, place, *_ = [*lines, "", ""]
    return name.strip(), place.strip()


def _is_another(project: Project, name: str, place: str) -> bool:
    """Tell whether the project of an id is still at its place, as far as this machine can see."""
    host, _, folder = place.partition(":")
    if host != socket.gethostname() or not folder:
        return False
    try:
        there = Project(Path(folder))
        return _read(there.live / ID_FILE)[0] == name and not there.root.samefile(project.root)
    except OSError:
        return False
