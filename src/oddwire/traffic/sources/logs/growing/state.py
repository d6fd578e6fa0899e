"""What the reader of a growing log knows between chunks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oddwire.traffic.sources.logs.recognising import LogKind
from oddwire.traffic.sources.logs.suricata import Waiting


@dataclass(frozen=True)
class ReaderState:
    """What must be known to read on in the middle of a log.

    Parameters
    ----------
    kind
        Which kind of log it is; None where nothing has told yet.
    heading
        The header lines that what follows is below, as bytes of lines.
    unread
        What came before the kind could be told.
    waiting
        Events that may belong together with some that follow.
    """

    kind: LogKind | None = None
    heading: bytes = b""
    unread: bytes = b""
    waiting: Waiting = field(default_factory=Waiting)

    def plain(self) -> dict[str, Any]:
        """Return it as values that JSON can hold."""
        return {
            "kind": self.kind,
            "heading": _text(self.heading),
            "unread": _text(self.unread),
            "numbers": list(self.waiting.numbers),
            "lines": [_text(line) for line in self.waiting.lines],
            "taken": list(self.waiting.taken),
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> ReaderState:
        """Take up what `plain` returned."""
        waiting = Waiting(
            tuple(plain["numbers"]), tuple(map(_bytes, plain["lines"])), tuple(plain["taken"])
        )
        return cls(plain["kind"], _bytes(plain["heading"]), _bytes(plain["unread"]), waiting)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
