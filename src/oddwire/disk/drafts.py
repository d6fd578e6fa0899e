"""Files and folders that are replaced whole or not at all, by however many processes at once.

What is written goes to a draft of its own beside the target, which takes the target's place once
all of it is on the disk. A writer holds a lock on its draft; one that nobody holds was left by a
process that was killed, and the next writer in that folder removes it.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_DRAFT = re.compile(r"\.(?P<name>.+)\.oddwire-[0-9a-f]{16}(?P<former>\.former)?")
_LONGEST_NAME = 200  # bytes; with what a draft adds, it stays below the 255 of most file systems


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Give a file to write to, which takes the place of ``target`` once all is written.

    As `whole_files`, of one file.
    """
    with whole_files([target]) as (draft,):
        yield draft


@contextmanager
def whole_files(targets: Sequence[Path]) -> Iterator[tuple[Path, ...]]:
    """Give a file to write to for each target; they take the targets' places together.

    After an error the targets are as they were. A file that is replaced keeps its permissions and,
    where this process may say so, its owner; where a target is a link, what it leads to is
    replaced. The drafts are there already, empty: open them by name, and do not replace them.

    Raises
    ------
    OSError
        If a target cannot be written, or is something other than an ordinary file.
    """
    real = [Path(os.path.realpath(target)) for target in targets]
    with ExitStack() as held:
        drafts = [_open_draft(target, held) for target in real]
        yield tuple(draft for draft, _ in drafts)
        for _, handle in drafts:
            os.fsync(handle)
        with _one_at_a_time(real[0].parent):
            for (draft, _), target in zip(drafts, real, strict=True):
                draft.replace(target)
        for folder in {target.parent for target in real}:
            sync_folder(folder)


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder to fill, which takes the place of ``target`` once all is written.

    After an error ``target`` is as it was. A folder that holds files cannot be replaced in one
    step: a process that is killed between the two leaves the former one whole beside it, as
    ``.NAME.oddwire-….former``.
    """
    target = Path(os.path.realpath(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    sweep(target.parent)
    draft, handle = _made(target, folder=True)
    try:
        yield draft
        _sync_all(draft)
        with _one_at_a_time(target.parent):
            former = _swap(draft, target)
        sync_folder(target.parent)
        shutil.rmtree(former, ignore_errors=True)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(handle)


def bring_back(target: Path) -> None:
    """Put a folder back that a writer was killed over, between taking it away and replacing it."""
    target = Path(os.path.realpath(target))
    if taken_away(target) is None:
        return
    with _one_at_a_time(target.parent):
        if (former := taken_away(target)) is not None:
            with suppress(OSError):
                former.rename(target)


def taken_away(target: Path) -> Path | None:
    """Return where a folder is that a killed writer took away; None where none did."""
    target = Path(os.path.realpath(target))
    if target.exists() or not target.parent.is_dir():
        return None
    for path in sorted(target.parent.iterdir()):
        name = _DRAFT.fullmatch(path.name)
        if name and name["former"] and name["name"] == _short(target.name):
            return path
    return None


def _swap(draft: Path, target: Path) -> Path:
    """Return where the former folder is now."""
    former = draft.with_name(f"{draft.name}.former")
    if target.exists():
        target.rename(former)
    try:
        draft.rename(target)
    except OSError:
        if former.exists():
            former.rename(target)
        raise
    return former


def abandoned(folder: Path) -> list[Path]:
    """Return the drafts in a folder that no process is writing any more."""
    found = []
    for path in _drafts(folder):
        if (handle := _taken(path)) is not None:
            os.close(handle)
            found.append(path)
    return found


def sweep(folder: Path) -> None:
    """Remove what killed processes left in a folder."""
    for path in _drafts(folder):
        if (handle := _taken(path)) is None:
            continue
        try:  # while it is held: its writer may have made it this moment, and makes another then
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    path.unlink()
        finally:
            os.close(handle)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    with _opened(folder) as handle:
        if handle is not None:
            with suppress(OSError):  # some file systems do not take it for a folder
                os.fsync(handle)


def _sync_all(folder: Path) -> None:
    """Wait until all that a folder holds is on the disk; a link stands for no file of its own."""
    for place, _, names in os.walk(folder):
        for name in names:
            file = Path(place, name)
            if file.is_file() and not file.is_symlink():
                handle = os.open(file, os.O_RDONLY)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
        sync_folder(Path(place))


def _drafts(folder: Path) -> list[Path]:
    """Return all drafts in a folder; a former folder whose target is not there is none."""
    found = []
    with suppress(OSError):
        for path in folder.iterdir():
            name = _DRAFT.fullmatch(path.name)
            if name and not (name["former"] and not (folder / name["name"]).exists()):
                found.append(path)
    return sorted(found)


def _taken(draft: Path) -> int | None:
    """Hold a draft that nobody holds, None where somebody does or it cannot be told."""
    try:
        handle = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None  # finished meanwhile, or another user's
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _open_draft(target: Path, held: ExitStack) -> tuple[Path, int]:
    before = _replaceable(target)
    sweep(target.parent)
    try:
        draft, handle = _made(target, mode=0o666 if before is None else 0o600)
    except OSError as error:  # by the name that people know
        raise OSError(error.errno, error.strerror, str(target)) from error
    held.callback(os.close, handle)
    held.callback(draft.unlink, missing_ok=True)
    if before is not None:
        for owner in ((before.st_uid, -1), (-1, before.st_gid)):
            with suppress(OSError):  # only root may give files away
                os.fchown(handle, *owner)
        os.fchmod(handle, stat.S_IMODE(before.st_mode) & 0o777)
    return draft, handle


def _replaceable(target: Path) -> os.stat_result | None:
    """Return what is to be replaced, None where there is nothing."""
    try:
        before = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(before.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    if not stat.S_ISREG(before.st_mode):
        raise OSError(errno.EINVAL, "not an ordinary file", str(target))
    if not os.access(target, os.W_OK):  # the folder alone decides on replacing: ask the file too
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    return before


def _made(target: Path, *, mode: int = 0o777, folder: bool = False) -> tuple[Path, int]:
    """Make a draft that no other process has, and hold it."""
    while True:
        draft = target.with_name(f".{_short(target.name)}.oddwire-{secrets.token_hex(8)}")
        if folder:
            draft.mkdir()
            try:
                handle = os.open(draft, os.O_RDONLY)
            except FileNotFoundError:  # swept meanwhile
                continue
        else:
            handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        _lock(handle)
        with suppress(FileNotFoundError):
            if os.path.samestat(draft.stat(), os.fstat(handle)):
                return draft, handle
        os.close(handle)  # swept between the two steps: it was nobody's for a moment


def _short(name: str) -> str:
    if len(os.fsencode(name)) <= _LONGEST_NAME:
        return name
    return hashlib.sha256(os.fsencode(name)).hexdigest()


def _lock(handle: int) -> None:
    with suppress(OSError):  # a file system without locks: then nothing is swept there either
        fcntl.flock(handle, fcntl.LOCK_EX)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Let one process put its drafts in place at a time, so that files of a pair stay a pair."""
    with _opened(folder) as handle:
        if handle is not None:
            _lock(handle)
        yield


@contextmanager
def _opened(folder: Path) -> Iterator[int | None]:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # a folder may be writable and not readable
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)
