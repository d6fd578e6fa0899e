"""What functions that yield items for MLflow yielded, by kind."""

from __future__ import annotations

from oddwire.operations.tracking.items import Text


def of(kind, items):
    return [item for item in items if isinstance(item, kind)]


def merged(kind, items):
    found = {}
    for item in of(kind, items):
        found |= item.values
    return found


def texts(items):
    return {item.file: item.text for item in of(Text, items)}
