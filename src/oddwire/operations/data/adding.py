"""A new source: what its files are, and the block that reads them, written into ``params.yaml``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oddwire.disk.drafts import whole_file
from oddwire.errors import DataError, ParameterError
from oddwire.operations.progress import step
from oddwire.params import SourceSettings, check_params
from oddwire.params.text.insertion import as_text, with_source
from oddwire.params.text.yaml_text import read_yaml
from oddwire.params.values.paths import file_fault
from oddwire.project import Project
from oddwire.traffic.sources.adding.formats import Asked, block_of
from oddwire.traffic.sources.adding.looking import Understood, look
from oddwire.traffic.sources.adding.patterns import as_patterns
from oddwire.traffic.sources.reading.files import log_files
from oddwire.traffic.wire_text import shown_path


@dataclass(frozen=True)
class AddedSource:
    """A source that was added, or could be.

    Parameters
    ----------
    name, block
        What stands in ``params.yaml``.
    understood
        What its files hold.
    written
        Whether it was added.
    """

    name: str
    block: dict[str, Any]
    understood: Understood
    written: bool

    @property
    def text(self) -> str:
        """The block as it stands in ``params.yaml``."""
        return as_text(self.name, self.block)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "source": self.name, "block": self.block, "written": self.written,
            "understood": self.understood.to_dict(),
        }  # fmt: skip


def add_source(
    project: Project, name: str, given: Sequence[str], asked: Asked, *, here: Path, write: bool
) -> AddedSource:
    """Look at files, and add a source that reads them.

    Parameters
    ----------
    given
        Files and glob patterns, relative to ``here``.
    write
        Whether to change ``params.yaml``, or only to look.

    Raises
    ------
    DataError
        If there is no such file, or the files are of no format or of several.
    ParameterError
        If the name cannot be one or is taken, or what is asked breaks a rule of ``params.yaml``.
    """
    content = read_yaml(project.params_file) or {}
    if not isinstance(content, dict):
        raise ParameterError("params.yaml must hold keys and values")
    if name in (content.get("sources") or {}):
        raise ParameterError(
            f"params.yaml has a source {name!r} already: name the new one otherwise, or change the"
            " old one there"
        )
    patterns = as_patterns(given, here=here, root=project.root)
    with step("look at the files"):
        files = log_files(patterns, root=project.root)
        for file in files:  # a pipe would never end
            if (fault := file_fault(file)) is not None:
                raise DataError(f"{shown_path(file)} {fault}")
        block = block_of(patterns, files, asked)
        block, understood = _understood(content, name, block, files, project.root)
    if write:
        _write(project.params_file, with_source(_text(project), name, block))
    return AddedSource(name, block, understood, write)


def _understood(
    content: dict[str, Any], name: str, block: dict[str, Any], files: Sequence[Path], root: Path
) -> tuple[dict[str, Any], Understood]:
    """Look at files as a block reads them; times that are none in the end are left aside."""
    try:
        return block, look(_checked(content, name, block), files, root=root)
    except DataError:
        if "time" not in block:
            raise
    without = {key: value for key, value in block.items() if key != "time"}
    return without, look(_checked(content, name, without), files, root=root)


def _checked(content: dict[str, Any], name: str, block: dict[str, Any]) -> SourceSettings:
    sources = content.get("sources") or {}
    return check_params({**content, "sources": {**sources, name: block}}).source(name)


def _text(project: Project) -> str:
    with project.params_file.open(encoding="utf-8-sig", newline="") as file:
        return file.read()


def _write(file: Path, text: str) -> None:
    try:
        with whole_file(file) as draft:
            draft.write_bytes(text.encode())
    except OSError as error:
        raise DataError(f"cannot write {file}: {error.strerror or error}") from None
