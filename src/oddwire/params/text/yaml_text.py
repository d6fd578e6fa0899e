"""YAML that cannot be larger than it looks: bounded in size, depth and by what aliases repeat."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from oddwire.errors import ParameterError
from oddwire.params.values.paths import file_fault

MOST_BYTES = 1_000_000
_MOST_LEVELS = 32
_MOST_REPEATED = 100_000
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


class _UniqueKeys(yaml.SafeLoader):
    """YAML's safe loader, which alone would silently take the last of two blocks of one name."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that is there twice."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = sorted(key for key, times in Counter(keys).items() if times > 1 and key != "<<")
        if twice:
            line = node.start_mark.line + 1
            raise ParameterError(
                f"{twice[0][:60]}: is there twice, in the block that starts in line {line}"
            )
        return super().construct_mapping(node, deep)


def read_yaml(file: Path, *, most_bytes: int = MOST_BYTES) -> Any:
    """Read a YAML file.

    Raises
    ------
    ParameterError
        If it cannot be read, is not YAML in UTF-8, has a key twice, or is too large, too deep or a
        bomb of aliases.
    """
    text = _read_text(file, most_bytes)
    try:
        _refuse_bombs(text)
        return yaml.load(text, _UniqueKeys)  # noqa: S506 - a SafeLoader
    except ParameterError as error:
        raise ParameterError(f"{file.name}: {error}") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date of the 13th month
        raise ParameterError(f"{file.name} is not YAML: {_where(error)}") from None


def _read_text(file: Path, most_bytes: int) -> str:
    if (fault := file_fault(file)) is not None:
        raise ParameterError(f"{file} {fault}")
    try:
        with file.open("rb") as stream:
            content = stream.read(most_bytes + 1)
    except OSError as error:
        raise ParameterError(f"cannot read {file}: {error.strerror}") from None
    if len(content) > most_bytes:
        raise ParameterError(f"{file} must be at most {most_bytes:,} bytes long")
    if content.startswith(_UTF16_BOMS):
        raise ParameterError(f"{file} is UTF-16 text; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParameterError(f"{file} is not UTF-8 text: {error.reason}") from None


class _Counter:
    """Counts the values of a document, what aliases repeat once more, and how deep they lie.

    It looks at the events, of which there are no more than characters, before values are made.
    """

    def __init__(self) -> None:
        self.values = self.repeated = 0
        self.opened: list[tuple[str | None, int]] = []
        self.below: dict[str, int] = {}  # values of each anchor

    def count(self, event: yaml.Event) -> None:
        match event:
            case yaml.AliasEvent():
                self._repeat(event.anchor)
            case yaml.CollectionStartEvent():
                self.opened.append((event.anchor, self.values))
                if len(self.opened) > _MOST_LEVELS:
                    raise ParameterError(f"blocks must not be more than {_MOST_LEVELS} deep")
            case yaml.CollectionEndEvent():
                self._keep(*self.opened.pop())
            case yaml.ScalarEvent():
                self._keep(event.anchor, self.values)

    def _keep(self, anchor: str | None, before: int) -> None:
        self.values += 1
        if anchor is not None:
            self.below[anchor] = self.values - before

    def _repeat(self, anchor: str | None) -> None:
        if anchor is None or anchor not in self.below:
            raise ParameterError(f"*{anchor!s:.60} names no value before it")
        self.values += self.below[anchor]
        self.repeated += self.below[anchor]
        if self.repeated > _MOST_REPEATED:
            raise ParameterError(f"aliases must not repeat more than {_MOST_REPEATED:,} values")


def _refuse_bombs(text: str) -> None:
    counter = _Counter()
    for event in yaml.parse(text, yaml.SafeLoader):
        try:
            counter.count(event)
        except ParameterError as error:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise ParameterError(f"line {line}: {error}") from None


def _where(error: Exception) -> str:
    """Name the place and the problem, without the line itself: it may hold a token."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        problem = " ".join(str(error.problem).split()).removeprefix("but ")
        return f"line {mark.line + 1}, column {mark.column + 1}: {problem[:200]}"
    if isinstance(error, yaml.reader.ReaderError):
        return f"character {error.position}: {error.reason}"
    return " ".join(str(error).split())[:200]
