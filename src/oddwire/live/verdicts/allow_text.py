"""The text of ``allow_list.yaml`` with an entry more or less; comments stay as they stand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import yaml

from oddwire.errors import ParameterError
from oddwire.live.verdicts.allow_list import ListedEntry, in_short

HEAD = """\
# Alerts that are not to be sent. They are kept and counted, and are no benign labels.
# `oddwire allow` lists the entries; docs: `oddwire allow add --help`. Each part that is given fits:
# - source: 10.0.3.0/24       # an address or a network
#   destination: 10.0.9.7
#   service: ssh              # or a protocol, such as icmp
#   expires: 2026-12-31       # from then on it no longer holds (UTC)
#   reason: backups
#   for: office               # one source of params.yaml; left out, all
"""


def with_entry(text: str, added: ListedEntry) -> str:
    """Return the text with one more entry at its end.

    Raises
    ------
    ParameterError
        If the file is written in a way that it must be added by hand.
    """
    before, node = yaml.safe_load(text), yaml.compose(text, yaml.SafeLoader)
    text = text if text.strip() else HEAD
    end = "\r\n" if "\r\n" in text else "\n"
    indent = " " * (node.start_mark.column if isinstance(node, yaml.SequenceNode) else 0)
    block = _block(added)
    dumped: str = yaml.safe_dump([block], sort_keys=False, allow_unicode=True, width=10_000)
    lines = "".join(f"{indent}{line}{end}" for line in dumped.splitlines())
    return _checked(text + ("" if text.endswith(end) else end) + lines, [*(before or []), block])


def without_entry(text: str, number: int) -> str:
    """Return the text without an entry: its own lines go, comments above it stay.

    Parameters
    ----------
    number
        Its place, from 1 to the number of entries.

    Raises
    ------
    ParameterError
        As `with_entry`.
    """
    before, node = yaml.safe_load(text), yaml.compose(text, yaml.SafeLoader)
    lines = text.splitlines(keepends=True)
    if isinstance(node, yaml.SequenceNode):
        entry = node.value[number - 1]
        del lines[entry.start_mark.line : _last_line(entry) + 1]
    return _checked("".join(lines), [*before[: number - 1], *before[number:]])


def _block(listed: ListedEntry) -> dict[str, Any]:
    """Return an entry as it stands in the file."""
    entry, block = listed.entry, {}
    for name, network in (("source", entry.source), ("destination", entry.destination)):
        if network is not None:
            block[name] = in_short(network)
    expires = entry.expires.astimezone(dt.UTC)
    return {
        **block,
        **({"service": entry.service} if entry.service else {}),
        "expires": expires.date() if expires.time() == dt.time() else expires.isoformat(),
        "reason": entry.reason,
        **({"for": listed.source} if listed.source else {}),
    }


def _last_line(node: yaml.Node) -> int:
    """Return the number of the line in which an entry ends, counted from 0."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    mark = node.end_mark
    # The end of a text that is written in a block of its own lies at the beginning of a line.
    return int(mark.line - (mark.column == 0 and mark.line > node.start_mark.line))


def _checked(text: str, expected: list[Any]) -> str:
    """Refuse a text that says something else than what was there and the change."""
    try:
        found = yaml.safe_load(text) or []
    except yaml.YAMLError:
        found = None
    if found != expected:
        raise ParameterError(
            "allow_list.yaml is written in a way that it must be changed by hand: an entry is a"
            " block that begins with a dash, on lines of its own"
        )
    return text
