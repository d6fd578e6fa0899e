"""What a log file holds, whatever it is called and however it is compressed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from oddwire.traffic.sources.logs.parsing.lines import Content as Opened
from oddwire.traffic.sources.logs.parsing.lines import opened

HEADS = (256, 16_384)  # bytes
_READS = 1 << 20


@dataclass(frozen=True)
class Content:
    """What identifies a file's content.

    Parameters
    ----------
    digest
        Hash of its bytes, uncompressed.
    size
        How many there are.
    heads
        Hashes of its first bytes, by how many they are: files with different heads begin
        differently.
    cut
        Why it ends before its time; empty where it does not.
    """

    digest: str
    size: int
    heads: Mapping[str, str]
    cut: str = ""

    @property
    def longest_head(self) -> tuple[str, str] | None:
        """The hash of its longest head, None of a file shorter than any."""
        return max(self.heads.items(), key=lambda head: int(head[0]), default=None)


def identify(file: Path) -> Content:
    """Hash a file's bytes, uncompressed.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    running, size, heads, last = hashlib.blake2b(digest_size=20), 0, {}, b"\n"
    with opened(file) as content:
        for length in HEADS:
            head = _read(content, length - size)
            running.update(head)
            size, last = size + len(head), head[-1:] or last
            if size == length:
                heads[str(length)] = running.hexdigest()
        while piece := content.read(_READS):
            running.update(piece)
            size, last = size + len(piece), piece[-1:]
        cut = content.cut or ("" if last == b"\n" else "the last line has no end")
    return Content(running.hexdigest(), size, heads, cut)


def begins_with(file: Path, size: int, digest: str) -> bool:
    """Tell whether a file's first bytes, so many, are a content of that hash.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    running = hashlib.blake2b(digest_size=20)
    with opened(file) as content:
        while size and (piece := content.read(min(size, _READS))):
            running.update(piece)
            size -= len(piece)
    return not size and running.hexdigest() == digest


def _read(content: Opened, size: int) -> bytes:
    held = b""
    while len(held) < size and (piece := content.read(size - len(held))):
        held += piece
    return held
