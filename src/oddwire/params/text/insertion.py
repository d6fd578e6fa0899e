"""A new source written into the text of ``params.yaml``: everything else stays as it stands."""

from __future__ import annotations

from typing import Any

import yaml

from oddwire.errors import ParameterError

_INDENT = "  "


def with_source(text: str, name: str, block: dict[str, Any]) -> str:
    """Return the text with one more source behind the last one.

    Raises
    ------
    ParameterError
        If the block must be added by hand: something else than what was there and the block would
        come out.
    """
    before = yaml.safe_load(text) or {}
    changed = _inserted(text, name, block)
    if _read(changed) != before | {"sources": (before.get("sources") or {}) | {name: block}}:
        raise ParameterError(
            "params.yaml is written in a way that a source cannot be added to: see the block by"
            " --dry-run, and add it under sources: by hand"
        )
    return changed


def as_text(name: str, block: dict[str, Any], indent: str = _INDENT) -> str:
    """Return a block as it stands in ``params.yaml``."""

    def dumped(*, as_it_is: bool) -> str:
        text: str = yaml.safe_dump(
            {name: block}, sort_keys=False, allow_unicode=as_it_is, width=10_000
        )
        return text

    plain = dumped(as_it_is=True)
    if len(plain.splitlines()) > plain.count("\n"):  # U+2028 in a file's name ends a line, too
        plain = dumped(as_it_is=False)
    return "".join(f"{indent}{line}\n" for line in plain.splitlines())


def _inserted(text: str, name: str, block: dict[str, Any]) -> str:
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(end)
    found = _sources(text)
    if found is None:
        lines = [*(lines if lines[-1] else lines[:-1]), "", "sources:", ""]
        at, indent = len(lines) - 1, _INDENT
    else:
        at, column = found
        indent = " " * column
        # What is commented out below the last source belongs to it.
        while at < len(lines) and _is_comment_of(lines[at], column):
            at += 1
    added = as_text(name, block, indent).splitlines()
    if at >= len(lines):
        added.append("")
    return end.join([*lines[:at], *added, *lines[at:]])


def _sources(text: str) -> tuple[int, int] | None:
    """Find the number of the line behind the last source, and the column of their names."""
    root = yaml.compose(text, yaml.SafeLoader)
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value != "sources":
            continue
        if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
            return _last_line(value) + 1, value.value[0][0].start_mark.column
        return value.end_mark.line + 1, len(_INDENT)
    return None


def _last_line(node: yaml.Node) -> int:
    """Return the number of the line in which a block ends, counted from 0."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    mark = node.end_mark
    # The end of a text that is written in a block of its own lies at the beginning of a line.
    return int(mark.line - (mark.column == 0 and mark.line > node.start_mark.line))


def _is_comment_of(line: str, column: int) -> bool:
    return line.lstrip().startswith("#") and len(line) - len(line.lstrip()) > column


def _read(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None
