"""Folders that cannot be half-written or silently changed.

A ``manifest.json`` lists the SHA-256 of every other file in the folder, at any depth. The SHA-256
of the manifest itself, kept elsewhere (as a tag in the registry), protects the whole; without it
the manifest detects accidents, not attacks.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from oddwire.detection.persistence.files import dump_json, load_json
from oddwire.disk.drafts import whole_folder
from oddwire.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MANIFEST = "manifest.json"


def write_verified(folder: Path, write: Callable[[Path], None]) -> str:
    """Write a folder whole or not at all, with a manifest.

    Parameters
    ----------
    folder
        Where to write it. An earlier folder with a manifest is replaced.
    write
        Fills the empty folder that it is given.

    Returns
    -------
    str
        SHA-256 of the manifest, which `read_verified` can check.

    Raises
    ------
    ModelError
        If ``folder`` exists and is neither empty nor a folder with a manifest.
    """
    folder = folder.absolute()
    if folder.exists() and not _may_be_replaced(folder):
        raise ModelError(f"{folder} exists already and is not a saved model")
    with whole_folder(folder) as draft:
        write(draft)
        hashes = {name: sha256(path.read_bytes()) for name, path in _files(draft)}
        manifest = dump_json({"files": hashes})
        (draft / MANIFEST).write_bytes(manifest)
    return sha256(manifest)


def read_verified(folder: Path, *, digest: str | None = None) -> dict[str, bytes]:
    """Read all files of a folder, each checked against the manifest.

    Parameters
    ----------
    folder
        What `write_verified` wrote.
    digest
        What it returned. Without it, whoever can write the folder can also renew the manifest.

    Returns
    -------
    dict of str to bytes
        The files by their names relative to ``folder``, with ``/``, without the manifest.

    Raises
    ------
    ModelError
        If a file is missing, extra or altered, or the manifest is not the one of ``digest``.
    """
    if not (folder / MANIFEST).is_file():
        raise ModelError(f"{folder} is not a saved model: it has no {MANIFEST}")
    contents = {name: path.read_bytes() for name, path in _files(folder)}
    manifest = contents.pop(MANIFEST)
    if digest is not None and sha256(manifest) != digest:
        raise ModelError(
            f"{folder / MANIFEST} was altered: its SHA-256 must be {digest}, got {sha256(manifest)}"
        )
    expected = load_json(manifest, name=MANIFEST).get("files")
    if not isinstance(expected, dict):
        raise ModelError(f"{folder / MANIFEST} must list files, got {expected!r:.60}")
    for name in sorted(expected.keys() | contents.keys()):
        if name not in contents:
            raise ModelError(f"{folder / name} is missing, though the manifest lists it")
        if name not in expected:
            raise ModelError(f"{folder / name} is extra: the manifest does not list it")
        if sha256(contents[name]) != expected[name]:
            raise ModelError(f"{folder / name} was altered: its SHA-256 is not the manifest's")
    return contents


def sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield all files by name, in order; a link could lead anywhere and is refused."""
    for parent, folders, files in sorted(os.walk(folder)):
        for entry in sorted([*folders, *files]):
            path = Path(parent, entry)
            if path.is_symlink():
                raise ModelError(f"{path} is a link, which a saved model may not hold")
            if not path.is_dir():
                yield path.relative_to(folder).as_posix(), path


def _may_be_replaced(folder: Path) -> bool:
    return folder.is_dir() and ((folder / MANIFEST).is_file() or not any(folder.iterdir()))
