"""What a move of the champion by hand prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from oddwire.cli.terminal.printing import print_json, printer
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from oddwire.operations.registry.moving import Moved


def print_moved(moved: Moved, *, as_json: bool) -> None:
    """Print what changed in a sentence, or as JSON."""
    if as_json:
        print_json(moved.to_dict())
    else:
        printer().print(escape(printable(moved.sentence)), soft_wrap=True)
