"""A program that writes Zeek's log in small pieces and rotates it, a step at a time."""

from __future__ import annotations

import gzip
import random
import shutil
from pathlib import Path
from typing import Literal

from tests.watched import HEADER

Style = Literal["logrotate", "dated"]


class GrowingLog:
    """Writes lines below `logs/`, torn anywhere, and rotates what it wrote.

    Parameters
    ----------
    style
        ``logrotate``: `conn.log` is renamed, compressed later on, or copied and truncated; nothing
        is written in between. ``dated``: each log is begun under a name of its own, and compressed
        once a later one has been begun.
    """

    def __init__(self, folder: Path, style: Style, chance: random.Random) -> None:
        self.folder, self.style, self._chance = folder, style, chance
        self.segments: list[str] = []  # all logs that there were, whole, in order
        self.rotations: dict[str, int] = {}
        self._held = ""  # of the last piece, its end
        self._packing: Path | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._begin()

    def write(self, lines: list[str], *, torn: bool) -> None:
        """Write lines; where `torn`, the end of the last one comes with the next."""
        text = "".join(lines)
        self.segments[-1] += text
        text = self._held + text
        keep = self._chance.randrange(1, 40) if torn else 0
        self._held = text[len(text) - keep :] if keep else ""
        self._file.write(text[: len(text) - keep].encode())

    def rotate(self) -> None:
        """Do what is next: end the log in one of the ways, or pack an old one by half."""
        if self._packing is not None:
            self._pack_on()
        elif self._chance.random() < 0.4 and (old := self._to_pack()):
            self._packing = old
            data = gzip.compress(old.read_bytes())
            self._packed(old).write_bytes(data[: len(data) // 2])
            self._count("compressed")
        else:
            self._end()

    def finish(self) -> None:
        """Leave whole files behind."""
        self.write([], torn=False)
        if self._packing is not None:
            self._pack_on()
        self._file.close()

    def _end(self) -> None:
        self.write([], torn=False)
        if self.style == "dated":
            self._file.close()
            self._count("dated")
        elif self._chance.random() < 0.5:
            target = self._shift()
            self._file.close()
            self._path.rename(target)
            self._count("renamed")
        else:
            shutil.copy(self._path, self._shift())
            self._file.truncate(0)
            self._file.close()
            self._count("copied and truncated")
        self._begin()

    def _begin(self) -> None:
        name = "conn.log" if self.style == "logrotate" else f"conn.{len(self.segments):04d}.log"
        self._path = self.folder / name
        self._file = self._path.open("ab", buffering=0)
        self._file.write(HEADER.encode())
        self.segments.append(HEADER)

    def _shift(self) -> Path:
        rotated = [(int(file.name.split(".")[2]), file) for file in self.folder.glob("conn.log.*")]
        for number, file in sorted(rotated, reverse=True):
            packed = ".gz" if file.suffix == ".gz" else ""
            file.rename(self.folder / f"conn.log.{number + 1}{packed}")
        return self.folder / "conn.log.1"

    def _to_pack(self) -> Path | None:
        plain = [
            file
            for file in self.folder.iterdir()
            if file.suffix != ".gz" and file != self._path
        ]  # fmt: skip
        return self._chance.choice(sorted(plain)) if plain else None

    def _pack_on(self) -> None:
        assert self._packing is not None
        target = self._packed(self._packing)
        target.write_bytes(gzip.compress(self._packing.read_bytes()))
        self._packing.unlink()
        self._packing = None

    def _packed(self, plain: Path) -> Path:
        return plain.with_name(plain.name + ".gz")

    def _count(self, what: str) -> None:
        self.rotations[what] = self.rotations.get(what, 0) + 1
