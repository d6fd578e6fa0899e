"""``params.yaml``, the files that it names, and who may read what is secret."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from oddwire.disk.own_folders import OwnFolders
from oddwire.errors import OddwireError
from oddwire.operations.doctor.finding import Fact, Finding, quoted
from oddwire.operations.doctor.ground import Ground
from oddwire.operations.doctor.repository.git import tracked
from oddwire.params import Address, Params, SourceSettings, watched
from oddwire.traffic.sources.reading.files import locate, missing_files
from oddwire.traffic.wire_text import shown_path

_EDIT = "${EDITOR:-vi} params.yaml"
_SECRET = re.compile(
    r"^\s*(\w*(?:password|secret|token|access_key|account_key)\w*)\s*=", re.MULTILINE
)


def see_settings(ground: Ground) -> Iterator[Finding | Fact]:
    """Look at ``params.yaml`` and at the files of its sources."""
    if ground.params is None:
        yield _unreadable(ground)
        return
    yield Fact(f"params.yaml is valid; sources: {', '.join(ground.sources) or 'none yet'}")
    for name, settings in ground.params.sources.items():
        for key, file in settings.paths().items():
            yield from _source_file(ground, ground.params, name, key, file)
        if settings.logs:
            yield from _source_logs(ground, ground.params, name, settings)


def _unreadable(ground: Ground) -> Finding:
    file = ground.project.params_file
    if file.is_file():
        return Finding(subject="params.yaml", problem=ground.params_error, remedy=_EDIT)
    if tracked(ground.root, "params.yaml"):
        remedy = "git checkout HEAD -- params.yaml"
    else:
        remedy = "cd FOLDER  # of the project; or export ODDWIRE_PROJECT=FOLDER"
    return Finding(subject="params.yaml", problem=ground.params_error, remedy=remedy)


def _source_file(
    ground: Ground, params: Params, name: str, key: str, path: Path
) -> Iterator[Finding | Fact]:
    project = ground.project
    try:
        file = locate(path, ground.root)
        there, readable = file.is_file(), os.access(file, os.R_OK)
    except (OddwireError, OSError, RuntimeError, ValueError):  # no such user, a name too long
        file, there, readable = path, False, False
    own = OwnFolders(project, params.sources)
    if there and (folder := own.holding(file)) is not None:
        yield Finding(
            subject=name, problem=f"its {key} file is in {folder}, which {own.maker(folder)} makes "
            "anew: it would be lost, so nothing is trained",
            remedy=f"mkdir -p data/downloads && mv -i {quoted(file, ground.root)} data/downloads"
            f" && {_EDIT}",
        )  # fmt: skip
        return
    if there and readable:
        return
    downloaded = file.is_relative_to(project.downloads(name))
    remedy = f"oddwire fetch {name}" if downloaded else _EDIT
    if there:
        problem, remedy = "may not be read", f"chmod u+r {quoted(file, ground.root)}"
    else:
        problem = "is not there"
    if not _in_use(ground, params, name):
        yield Fact(f"{name}: its {key} file {problem} ({remedy}); nobody has used it yet")
        return
    yield Finding(
        subject=name, problem=f"its {key} file {quoted(file, ground.root)} {problem}, so it cannot "
        "be trained anew", remedy=remedy,
    )  # fmt: skip


def _source_logs(
    ground: Ground, params: Params, name: str, settings: SourceSettings
) -> Iterator[Finding | Fact]:
    for pattern in missing_files(settings, root=ground.root):
        problem = f"no log file is there that {shown_path(pattern)} names"
        if _in_use(ground, params, name):
            yield Finding(subject=name, problem=problem, remedy=_EDIT)
        else:
            yield Fact(f"{name}: {problem} ({_EDIT}); nobody has used it yet")


def _in_use(ground: Ground, params: Params, name: str) -> bool:
    return name in params.drift.sources or (ground.project.prepared(name) / "split.json").is_file()


def see_secrets(ground: Ground) -> Iterator[Finding | Fact]:
    """Look whether others may read what is secret, or write what is trusted."""
    root, params = ground.root, ground.params
    secret = [root / ".dvc" / "config.local"]
    if params is not None and _has_secret(params):
        secret.append(ground.project.params_file)
    for file in secret:
        if _mode(file) & stat.S_IROTH:
            yield Finding(
                subject=quoted(file, root), severity="warning",
                problem="holds a secret, and every user of this machine may read it",
                remedy=f"chmod o-rwx {quoted(file, root)}",
            )  # fmt: skip
    yield from _committed_secrets(root)
    for place in (root, ground.project.mlruns, root / "data", ground.project.mlruns / "mlflow.db"):
        mode = _mode(place)
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            yield Finding(
                subject=quoted(place, root), severity="warning",
                problem="every user of this machine may write to it, and so replace a model",
                remedy=f"chmod o-w {quoted(place, root)}",
            )  # fmt: skip
    yield Fact("secrets, and folders that others may write to")


def _has_secret(params: Params) -> bool:
    addresses: list[Address] = []
    for source in params.sources.values():
        if (watch := watched(source)) is not None:
            addresses += [*watch.sinks, *filter(None, [watch.input])]
    return params.notify.webhook is not None or any(one.has_secret for one in addresses)


def _committed_secrets(root: Path) -> Iterator[Finding]:
    with suppress(OSError):
        text = (root / ".dvc" / "config").read_text(encoding="utf-8", errors="replace")
        for key in _SECRET.findall(text):
            yield Finding(
                subject=".dvc/config", severity="warning",
                problem=f"holds {key}, and git keeps this file: it belongs in .dvc/config.local, "
                "which git ignores", remedy="${EDITOR:-vi} .dvc/config .dvc/config.local",
            )  # fmt: skip


def _mode(place: Path) -> int:
    try:
        return place.stat().st_mode
    except OSError:
        return 0
