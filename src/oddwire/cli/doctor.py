"""``oddwire doctor``: what is wrong here, and the command that mends it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from oddwire.operations.doctor.examining import Seen
    from oddwire.operations.doctor.finding import Finding

EXIT_WRONG = 1
_INDENT = " " * 9
EPILOG = """
Exit codes: 0 nothing is wrong, 1 something is.

**Examples**

`oddwire doctor`

`oddwire doctor --verbose`

`oddwire doctor --json`

`oddwire doctor --mend`
"""


def doctor(
    mend: Annotated[
        bool,
        typer.Option(
            "--mend", help="End runs of dead processes and remove their drafts, and nothing else."
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print what was seen as well, wrong or not.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Look for what is wrong with the installation and the project, and say what mends it.

    Versions, settings, disks, git, DVC, locks, stores, models, drift checks, watchers, servers
    and ports.
    Looking changes nothing, and needs nothing of it to work.
    """
    quiet_tools(terminal=True)
    from oddwire.cli.servers.looks import looks
    from oddwire.cli.terminal.progress_bars import shown_progress
    from oddwire.live.vitals import doctoring
    from oddwire.operations.doctor.examining import by_weight, examine
    from oddwire.operations.doctor.ground import Ground
    from oddwire.operations.doctor.looks import LOOKS

    ground = Ground.find()
    with shown_progress(quiet=True):
        seen = list(examine((*LOOKS, *doctoring.looks(), *looks()), ground))
    findings = by_weight(seen)
    mended = _mended(findings) if mend else []
    left = [finding for finding in findings if finding not in mended]
    if as_json:
        from oddwire.cli.terminal.printing import print_json

        print_json({
            "project": str(ground.root), "findings": [each.to_dict() for each in left],
            "mended": [each.to_dict() for each in mended],
            "looked_at": [each.to_dict() for each in seen],
        })  # fmt: skip
    else:
        show(seen, left, mended, verbose=verbose)
    return EXIT_WRONG if left else 0


def _mended(findings: Sequence[Finding]) -> list[Finding]:
    from oddwire.errors import OddwireError

    mended = []
    for finding in findings:
        if finding.mend is not None:
            try:
                finding.mend()
            except (OddwireError, OSError):  # it stays on the list
                continue
            mended.append(finding)
    return mended


def show(
    seen: Sequence[Seen], left: Sequence[Finding], mended: Sequence[Finding], *, verbose: bool
) -> None:
    """Print a line for each thing that is wrong, and the command that mends it below."""
    from oddwire.cli.terminal.printing import printer

    console = printer()
    for each in seen:
        for fact in each.facts:
            if verbose or fact.figure:
                _print(console, f"{each.name}: {fact.text}" if verbose else fact.text)
    for finding in mended:
        _print(console, f"mended   {finding.subject}: {finding.problem}")
    for finding in left:
        _print(console, f"{finding.severity:<8} {finding.subject}: {finding.problem}")
        # Not wrapped: it is to be copied.
        console.print(f"{_INDENT}$ {finding.remedy}", markup=False, soft_wrap=True)
    console.print(_sum(seen, left, mended), markup=False, soft_wrap=True)


def _print(console: Console, text: str) -> None:
    filled = textwrap.fill(
        text, console.width, subsequent_indent=_INDENT, break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip
    console.print(filled, markup=False, soft_wrap=True)


def _sum(seen: Sequence[Seen], left: Sequence[Finding], mended: Sequence[Finding]) -> str:
    facts = sum(len(each.facts) for each in seen)
    looked = f"{facts + sum(len(each.findings) for each in seen)} things looked at"
    if left:
        broken = sum(finding.severity == "broken" for finding in left)
        things = "1 thing is" if len(left) == 1 else f"{len(left)} things are"
        return f"{looked}, {things} wrong" + (f", {broken} of them broken" if broken else "")
    return f"{looked}, nothing is wrong" + (" any more" if mended else "")
