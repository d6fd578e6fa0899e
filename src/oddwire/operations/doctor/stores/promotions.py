"""The ledger of promotions, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from oddwire.errors import OddwireError
from oddwire.operations.doctor.finding import Fact, Finding, quoted
from oddwire.operations.doctor.ground import Ground
from oddwire.operations.registry import ledger

_MOST_NAMED = 5


def see_ledger(ground: Ground) -> Iterator[Finding | Fact]:
    """Look for lines that cannot be read; the whole ones are kept whatever comes of the others."""
    file = ledger.of_project(ground.project)
    shown = quoted(file, ground.root)
    if not file.exists():
        yield Fact("ledger: no promotion yet")
        return
    try:
        damaged = list(ledger.read(file, "").damaged)
        count = sum(bool(line.strip()) for line in file.read_bytes().split(b"\n"))
    except (OddwireError, OSError) as error:
        aside = quoted(file.with_name(f"{file.name}.damaged"), ground.root)
        remedy = f"chmod u+rw {shown}" if file.is_file() else f"mv {shown} {aside}"
        yield Finding(subject=shown, problem=str(error), remedy=remedy)
        return
    if not damaged:
        yield Fact(f"ledger: {count} decisions, each line whole")
        return
    yield Finding(
        subject=shown, severity="warning",
        problem=f"{_lines(damaged)} of the ledger cannot be read, and history leaves them out",
        remedy=_without(damaged, file, ground),
    )  # fmt: skip


def _lines(numbers: list[int]) -> str:
    named = ", ".join(map(str, numbers[:_MOST_NAMED]))
    more = f" and {len(numbers) - _MOST_NAMED} more" if len(numbers) > _MOST_NAMED else ""
    return f"line {named}" if len(numbers) == 1 else f"lines {named}{more}"


def _without(damaged: list[int], file: Path, ground: Ground) -> str:
    """Return the command that moves damaged lines to a file beside the ledger."""
    shown = quoted(file, ground.root)
    set_aside = quoted(file.with_name(f"{file.name}.damaged"), ground.root)
    which = ";".join(f"{number}p" for number in damaged)
    dropped = ";".join(f"{number}d" for number in damaged)
    return f"sed -n '{which}' {shown} >> {set_aside} && sed -i '{dropped}' {shown}"
