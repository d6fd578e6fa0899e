"""A program that writes a log and rotates it in every way that there is, and who follows it."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from oddwire.live.following import Batch, Limits
from oddwire.live.following.files import FileFollower

HEADER = b"#separator \\x09\n#fields\tts\tuid\n"
LIMITS = Limits(batch_bytes=200, line_bytes=100, listing_seconds=0, still_seconds=0)


class Writer:
    """Writes numbered lines below equal headers; `written` are those that are complete."""

    def __init__(
        self, folder: Path, *, header: bytes = HEADER, line: Callable[[int], bytes] | None = None
    ) -> None:
        self._header, self._line = header, line
        self.folder, self.path = folder, folder / "conn.log"
        self.written: list[bytes] = []
        self._rest = b""
        self._begin()

    def _begin(self) -> None:
        self.path.parent.mkdir(exist_ok=True)
        self._file = self.path.open("ab", buffering=0)
        self._file.write(self._header)

    def write(self, lines: int, *, partial: bool = False) -> None:
        data, self._rest = self._rest, b""
        for _ in range(lines):
            number = len(self.written)
            if self._line is not None:
                line = self._line(number)
            else:
                line = b"%d\tC%d%s" % (number, number, b"x" * (lines % 7))
            self.written.append(line)
            data += line + b"\n"
        if partial and data:
            data, self._rest = data[:-3], data[-3:]
        self._file.write(data)

    def flush(self) -> None:
        self.write(0)

    def close(self) -> None:
        self._file.close()

    def _shift(self) -> Path:
        """Make room for the newest rotated file, as logrotate does."""
        rotated = [(int(file.name.split(".")[2]), file) for file in self.folder.glob("conn.log.*")]
        for number, file in sorted(rotated, reverse=True):
            packed = ".gz" if file.suffix == ".gz" else ""
            file.rename(self.folder / f"conn.log.{number + 1}{packed}")
        return self.folder / "conn.log.1"

    def rename(self) -> None:
        self.flush()
        target = self._shift()
        self._file.close()
        self.path.rename(target)
        self._begin()

    def compress(self, *, pause: object = lambda: None) -> None:
        plain = [file for file in self.folder.glob("conn.log.*") if file.suffix != ".gz"]
        for file in plain:
            packed = gzip.compress(file.read_bytes())
            target = file.with_name(file.name + ".gz")
            target.write_bytes(packed[: len(packed) // 2])
            pause()
            target.write_bytes(packed)
            pause()
            file.unlink()

    def copy_and_truncate(self) -> None:
        self.flush()
        target = self._shift()
        shutil.copy(self.path, target)
        self._file.truncate(0)
        self._file.write(self._header)


class Transactions:
    """Lines and positions as a store keeps them: together, and every one of them once."""

    def __init__(self, patterns: list[str], root: Path, limits: Limits = LIMITS) -> None:
        self.patterns, self.root, self.limits = patterns, root, limits
        self.saved: list[tuple[list[bytes], dict[str, Mapping[str, object]]]] = [([], {})]
        self.notices: list[str] = []
        self.follower = self._follower()

    def _follower(self) -> FileFollower:
        return FileFollower(
            self.patterns, root=self.root, position=self.saved[-1][1], from_start=True,
            limits=self.limits,
        )  # fmt: skip

    @property
    def lines(self) -> list[bytes]:
        return self.saved[-1][0]

    def step(self, *, final: bool = False) -> bool:
        batch = self.follower.poll(final=final)
        if batch is None:
            return False
        lines, position = self.saved[-1]
        position = {**position, **{k: v for k, v in batch.moved.items() if v is not None}}
        for key, value in batch.moved.items():
            if value is None:
                del position[key]
        assert position == batch.position
        self.saved.append((lines + lines_of(batch), position))
        self.notices += batch.notices
        return bool(batch.chunks)

    def kill(self, back: int = 0) -> None:
        """Begin again at the last position, or at an earlier one."""
        del self.saved[max(len(self.saved) - back, 1) :]
        self.follower.close()
        self.follower = self._follower()

    def finish(self) -> None:
        while self.step(final=True) or self.step(final=True) or self.step(final=True):
            pass
        self.follower.close()


def lines_of(batch: Batch) -> list[bytes]:
    every = [line for chunk in batch.chunks for line in chunk.block.data.split(b"\n")]
    return [line for line in every if line and not line.startswith(b"#")]
