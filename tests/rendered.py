"""Markdown as a page renders it."""

from __future__ import annotations

import html
import re

from markdown_it import MarkdownIt

_MARKDOWN = MarkdownIt("commonmark").enable("table")


def rendered(markdown: str) -> str:
    """The page's HTML."""
    return _MARKDOWN.render(markdown)


def shown(markdown: str) -> str:
    """What a reader of the page sees."""
    return html.unescape(re.sub(r"<[^>]*>", " ", rendered(markdown)))
