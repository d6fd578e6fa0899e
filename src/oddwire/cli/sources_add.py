"""``oddwire sources add``: the block of a new source, from the files that it is to read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.cli.options import AsJson
from oddwire.errors import ParameterError
from oddwire.percent import percent
from oddwire.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oddwire.operations.data.adding import AddedSource
    from oddwire.traffic.sources.adding.looking import Understood

_MOST_FAMILIES = 8
_LONGEST_LINE = 400
_WITHOUT_ZONES = ("netflow", "connections")  # formats whose times often name none
EPILOG = """
Put a pattern in quotes: it then stands in params.yaml as it is, and new files belong to the source
as they come.

**Examples**

`oddwire sources add office '/opt/zeek/logs/*/conn.*.log.gz' --watch`

`oddwire sources add ids eve.json --dry-run`

`oddwire sources add lab flows.csv --label verdict --benign clean`

`oddwire sources add proxy log.csv --column ts=when --column src_ip=from --column dst_ip=to`
"""


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the source is to be called.")],
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Its files, or glob patterns in quotes.")
    ],
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OURS=THEIRS", help="What a table of connections calls a column; repeat it."
        ),
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column that tells attacks.")
    ] = None,
    benign: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="What it says of benign rows; repeat it."),
    ] = None,
    zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="The time zone of times that name none.")
    ] = None,
    read_as: Annotated[
        str | None, typer.Option("--format", metavar="FORMAT", help="The format, if it is another.")
    ] = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Let `oddwire up` watch it, once it has a champion: first what is there already, "
            "then what comes.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look at the files, and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add a source to params.yaml, its format found out, and show what is understood.

    All else in params.yaml stays as it stands, comments too.
    """
    quiet_tools(terminal=True)
    from oddwire.cli.terminal.printing import print_json
    from oddwire.cli.terminal.progress_bars import shown_progress
    from oddwire.operations.data.adding import add_source
    from oddwire.traffic.sources.adding.formats import Asked

    asked = Asked(read_as, _columns(column or []), label, tuple(benign or ()), zone, watch)
    with shown_progress(quiet=as_json):
        added = add_source(
            Project.find(), name, files, asked, here=Path.cwd(), write=not dry_run
        )  # fmt: skip
    if as_json:
        print_json(added.to_dict())
    else:
        show(added)


def _columns(given: list[str]) -> dict[str, str] | None:
    named = dict(text.partition("=")[::2] for text in given)
    if wrong := [text for text in given if "=" not in text]:
        raise ParameterError(f"--column must be OURS=THEIRS such as ts=StartTime, got {wrong[0]!r}")
    return named or None


def show(added: AddedSource) -> None:
    """Print the block, and what its files hold as it reads them."""
    from rich.padding import Padding
    from rich.text import Text

    from oddwire.cli.terminal.printing import printer
    from oddwire.traffic.wire_text import printable

    console = printer()
    console.print(Text(f"{added.name} ({added.block['format']})", style="bold"))
    for line in _lines(added.understood):
        shown = Text(printable(line, _LONGEST_LINE), overflow="fold")
        console.print(Padding(shown, (0, 0, 0, 2), expand=False))
    if added.block["format"] in _WITHOUT_ZONES and "zone" not in added.block:
        console.print("  times that name no zone are read as UTC: say --zone if that is wrong")
    console.print()
    done = "Written to params.yaml:" if added.written else "For params.yaml, nothing is written:"
    console.print(done)
    for line in added.text.splitlines():
        console.print(Text(printable(line)), soft_wrap=True)
    if added.written:
        console.print(f"\nNext: oddwire train {added.name}")


def _lines(seen: Understood) -> Iterator[str]:
    of = f"{seen.files:,} of {seen.of_files:,} files" if seen.of_files > 1 else "the file"
    part = "" if seen.whole else "the first "
    yield f"looked at: {part}{_counted(seen.rows, 'row')} of {of}"
    if seen.first is not None and seen.last is not None:
        yield f"times: {seen.first:%Y-%m-%d %H:%M:%S} to {seen.last:%Y-%m-%d %H:%M:%S} UTC"
    yield from _column_lines(seen)
    yield from _label_lines(seen)
    if seen.first_refused is None:
        yield "refused: none"
    else:
        file, line, reason = seen.first_refused
        share = percent(seen.refused / (seen.rows + seen.refused))
        yield f"refused: {seen.refused:,} ({share}); the first: {_place(file)}, line {line}:"
        yield f"  {reason}"
    if seen.too_many is not None:
        yield f"too many for `oddwire ingest`, unless max_refused_share is raised: {seen.too_many}"
    for file, why in seen.cut.items():
        yield f"cut off: {_place(file)}: {why}"


def _column_lines(seen: Understood) -> Iterator[str]:
    for ours, theirs in seen.columns.items():
        yield f"{ours}: {theirs}"
    if seen.numbers or seen.categories:
        categories = _counted(len(seen.categories), "category", "categories")
        yield f"features: {_counted(len(seen.numbers), 'number')}, {categories}"
        if not seen.columns:
            yield "if rows are connections: --column ts=… --column src_ip=… --column dst_ip=…"
    else:
        yield f"columns with values: {', '.join(seen.held)}"


def _label_lines(seen: Understood) -> Iterator[str]:
    attacks = seen.attacks.total()
    if not attacks and not seen.benign:
        yield "labels: none, so it is trained on all rows"
        return
    yield f"labels: {seen.benign:,} benign, {_counted(attacks, 'attack')}, {seen.unknown:,} unknown"
    for family, count in seen.attacks.most_common(_MOST_FAMILIES):
        yield f"  attack {family}: {count:,}"
    if (more := len(seen.attacks) - _MOST_FAMILIES) > 0:
        yield f"  and {more:,} more families"
    if not seen.benign:
        yield "no label is read as benign: say by --benign what it says of benign rows"


def _counted(number: int, thing: str, things: str = "") -> str:
    return f"1 {thing}" if number == 1 else f"{number:,} {things or thing + 's'}"


def _place(file: str) -> str:
    """Return a file's name and its folder: rotated files of all days have the same names."""
    return "/".join(Path(file).parts[-2:])
