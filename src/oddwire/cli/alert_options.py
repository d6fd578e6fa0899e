"""Options and the opened store that `alerts`, `incidents` and `explain` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from oddwire.errors import ParameterError, short_repr
from oddwire.project import Project

if TYPE_CHECKING:
    from oddwire.live.state import AlertStore


Source = Annotated[str, typer.Option(metavar="SOURCE", help="Of one source.", show_default=False)]
Severity = Annotated[
    str,
    typer.Option(
        metavar="LEVEL", help="This severity or higher: low, medium, high or critical.",
        show_default=False,
    ),
]  # fmt: skip
Kind = Annotated[
    str, typer.Option(metavar="KIND", help="What it looks like, such as scan.", show_default=False)
]
Since = Annotated[
    str,
    typer.Option(
        metavar="TIME", help="From this time on, ISO 8601; UTC by default.", show_default=False
    ),
]
Until = Annotated[str, typer.Option(metavar="TIME", help="Before this time.", show_default=False)]
Address = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS", help="From or to this address, or one that begins with 10.0.3. or fe80*",
        show_default=False,
    ),
]  # fmt: skip
MOST_LISTED = 10_000
Limit = Annotated[int, typer.Option(metavar="N", help="At most this many.", min=1, max=MOST_LISTED)]


def asked(
    *, source: str, severity: str, kind: str, since: str, until: str, address: str
) -> dict[str, Any]:
    """Return what both lists are filtered by, as `AlertStore` takes it; None asks nothing.

    Raises
    ------
    ParameterError
        If there is no such severity or kind, or a time is none.
    """
    first, last = _moments_of(since, until)
    return {
        "source": source or None, "severity": _levels_of(severity), "kind": _kind_of(kind),
        "since": first, "until": last, "address": address or None,
    }  # fmt: skip


def open_store(project: Project) -> AlertStore:
    """Return the project's store of alerts.

    Raises
    ------
    NoStoreError
        If nothing was watched yet.
    """
    from oddwire.live.state import AlertStore, store_address

    return AlertStore(store_address(project.live))


def print_verdicts(judged: str) -> None:
    """Print what people have judged, if anything."""
    from oddwire.cli.terminal.printing import printer

    if judged:
        printer().print(f"\n{judged}")


def _levels_of(severity: str) -> tuple[int, ...] | None:
    """Return the numbers of a level and of those above it, None for no level."""
    if not severity:
        return None
    from oddwire.live.alerts.severity import Severity as Level

    words = [level.word for level in Level]
    if severity not in words:
        raise ParameterError(
            f"--severity must be one of {', '.join(words)}, got {short_repr(severity)}"
        )
    return tuple(level.value for level in Level if level.value > words.index(severity))


def _kind_of(kind: str) -> str | None:
    """Return a kind that there is, None for none."""
    from oddwire.live.alerts.kinds import Kind as Kinds

    kinds = [each.value for each in Kinds]
    if kind and kind not in kinds:
        raise ParameterError(f"--kind must be one of {', '.join(kinds)}, got {short_repr(kind)}")
    return kind or None


def _moments_of(since: str, until: str) -> tuple[float | None, float | None]:
    """Return two times in seconds since 1970, None where there is none."""
    from oddwire.params.stage_settings import PeriodSettings

    period = PeriodSettings.asked(since, until) or PeriodSettings()
    first, last = (None if time is None else time.timestamp() for time in period.moments)
    return first, last
