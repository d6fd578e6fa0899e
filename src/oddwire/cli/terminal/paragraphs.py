"""Text below a head line, indented."""

from __future__ import annotations

import textwrap

from rich.console import Console

_INDENT = "  "


def print_indented(console: Console, text: str) -> None:
    """Print plain text, wrapped to the terminal, two columns from the left."""
    filled = textwrap.fill(
        text,
        console.width,
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_on_hyphens=False,
    )
    console.print(filled, markup=False, soft_wrap=True)
