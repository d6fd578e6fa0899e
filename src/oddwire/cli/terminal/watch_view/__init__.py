"""How `oddwire watch` is seen: a screen in a terminal, lines elsewhere, JSON for machines."""

from oddwire.cli.terminal.watch_view.view import (
    JsonView,
    LiveView,
    PlainView,
    watch_view,
)

__all__ = ["JsonView", "LiveView", "PlainView", "watch_view"]
