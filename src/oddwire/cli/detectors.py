"""``oddwire detectors``: the detectors that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oddwire.cli.options import AsJson

if TYPE_CHECKING:
    from oddwire.detection.detectors.spec import DetectorSpec

EPILOG = """
**Examples**

`oddwire detectors`

`oddwire train office --detectors isolation_forest,kmeans  # some of them`
"""


def detectors(as_json: AsJson = False) -> None:
    """List the detectors: which rows are anomalous to each, and what a search chooses."""
    from oddwire.detection.detectors import DETECTORS

    rows = [described(spec) for spec in DETECTORS.values()]
    if as_json:
        from oddwire.cli.terminal.printing import print_json

        print_json(rows)
    else:
        show(rows)


def described(spec: DetectorSpec) -> dict[str, Any]:
    """Say what a detector is, as plain values."""
    return {
        "detector": spec.name,
        "title": spec.title,
        "summary": spec.summary,
        "library": spec.library,
        "hyperparameters": sorted(spec.load().search_space),
    }


def show(rows: list[dict[str, Any]]) -> None:
    """Print two lines a detector."""
    from oddwire.cli.terminal.paragraphs import print_indented
    from oddwire.cli.terminal.printing import printer

    console = printer()
    for row in rows:
        count = len(row["hyperparameters"])
        searched = f"a search chooses {count} hyperparameters" if count else "no search"
        console.print(f"[bold]{row['detector']}[/bold]  {row['library']}, {searched}")
        print_indented(console, row["summary"])
