"""The command line, one file per command: parse, call, print."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import typer

from oddwire.cli import (
    alerts,
    allow,
    compare,
    detectors,
    doctor,
    drift,
    explain,
    fetch,
    history,
    incidents,
    ingest,
    label,
    leaderboard,
    parameters,
    promote,
    rollback,
    score,
    sources,
    train,
    up,
    watch,
)
from oddwire.errors import OddwireError, ServiceError
from oddwire.faults import fault_of
from oddwire.masking import without_secrets
from oddwire.project import Project
from oddwire.traffic.wire_text import printable

EXIT_DEFECT = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
_LONGEST_MESSAGE = 2000

app = typer.Typer(
    name="oddwire",
    help="Find anomalous connections in network traffic, and notice when the traffic changes.",
    epilog="**Example** `oddwire train simulated --trials 5`",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command(epilog=train.EPILOG)(train.train)
app.command(epilog=ingest.EPILOG)(ingest.ingest)
app.command(epilog=leaderboard.EPILOG)(leaderboard.leaderboard)
app.command(epilog=compare.EPILOG)(compare.compare)
app.command(epilog=score.EPILOG)(score.score)
app.command(epilog=watch.EPILOG)(watch.watch)
app.command(epilog=incidents.EPILOG)(incidents.incidents)
app.command(epilog=alerts.EPILOG)(alerts.alerts)
app.command(epilog=explain.EPILOG)(explain.explain)
app.command(epilog=drift.EPILOG)(drift.drift)
app.command(epilog=history.EPILOG)(history.history)
app.command(epilog=promote.EPILOG)(promote.promote)
app.command(epilog=rollback.EPILOG)(rollback.rollback)
app.add_typer(sources.app, name="sources")
app.command(epilog=label.EPILOG)(label.label)
app.add_typer(allow.app, name="allow")
app.command(epilog=detectors.EPILOG)(detectors.detectors)
app.command(epilog=fetch.EPILOG)(fetch.fetch)
app.command(epilog=doctor.EPILOG)(doctor.doctor)
app.command(epilog=parameters.EPILOG)(parameters.params)
app.command(epilog=up.EPILOG)(up.up)


def _version(value: bool) -> None:
    if value:
        from oddwire import __version__

        typer.echo(f"oddwire {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: bool = typer.Option(
        False, "--version", help="Print the version.", callback=_version, is_eager=True
    ),
) -> None:
    """Find anomalous connections in network traffic, and notice when the traffic changes."""
    del version  # its callback prints it
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command line, and exit with 0 for success, 2 for a user's error, 3 for drift."""
    try:
        # Typer by itself prints errors in a box; one line is enough.
        code = app(prog_name="oddwire", standalone_mode=False)
    except OddwireError as error:
        fail(error)
    except typer.TyperException as error:
        fail(OddwireError(_usage_error(error)))
    except typer.Abort:
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - a defect keeps its traceback, but not the passwords in it
        if fault := fault_of(error, places=_written_places()):
            fail(ServiceError(fault))
        sys.stderr.write(without_secrets(traceback.format_exc()))
        sys.exit(EXIT_DEFECT)
    sys.exit(code)


def _written_places() -> list[Path]:
    """Return where a command may write, to name the one whose disk is full."""
    try:
        root = Project.find().root
    except OddwireError:
        return [Path.cwd()]
    return [root, root / "data", root / "mlruns", Path.cwd(), Path.home()]


def _usage_error(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "oddwire"
    return f"{error.format_message()} (see `{command} --help`)"


def fail(error: OddwireError) -> None:
    """Print an error as one line, and exit with code 2."""
    # Names read from a file may hold escape codes for the terminal.
    shown = printable(without_secrets(" ".join(str(error).split())), _LONGEST_MESSAGE)
    sys.stderr.write(f"oddwire: error: {shown}\n")
    sys.exit(EXIT_USER_ERROR)
