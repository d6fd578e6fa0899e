"""``oddwire watch``: follow a source, and raise incidents as its connections come in."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import typer

from oddwire.cli.environment import quiet_tools
from oddwire.cli.options import Source
from oddwire.errors import ServiceError
from oddwire.params import load_params
from oddwire.params.watch import AlertFormat
from oddwire.project import Project

EPILOG = """
What comes in is scored by the source's champion, with the very numbers that `oddwire score` gives;
another champion is taken up as it is promoted. Alerts are grouped into incidents: `oddwire
incidents` lists them, and so does the page that `oddwire up` starts. What is read, scored and to be
sent is committed together: a watch that was killed goes on where it was, and says nothing twice.

Ctrl-C or SIGTERM ends it after the rows it is working on.

**Examples**

`oddwire watch office`

`oddwire watch office --sink told.jsonl --sink https://siem.example.org/hook`

`oddwire watch office 'redis://127.0.0.1:6379/0?list=suricata'`

`zcat conn.log.gz | oddwire watch office - --until-end`
"""


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def watch(
    source: Source,
    input: Annotated[  # noqa: A002 - the word that people read
        str | None,
        typer.Argument(
            metavar="INPUT",
            help="What to follow in place of the source's own files: `-` for standard input, "
            "`redis://HOST[:PORT][/DB]?list=KEY` or `?stream=KEY`, `kafka://HOST:PORT/TOPIC`.",
            show_default=False,
        ),
    ] = None,
    *,
    from_start: Annotated[
        bool,
        typer.Option(
            "--from-start", help="The first time, also score what is there already."
        ),
    ] = False,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="End where there is nothing more to read.")
    ] = False,
    sink: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SINK",
            help="Where incidents are sent: FILE.jsonl, `redis://…`, `https://…`, `syslog://…`. "
            "May be given more than once.",
            show_default=False,
        ),
    ] = None,
    alert_format: Annotated[
        AlertFormat | None,
        typer.Option(help="Of what is sent: Elastic Common Schema, or OCSF Detection Finding.",
                     show_default="ecs"),
    ] = None,
    send_alerts: Annotated[
        bool, typer.Option("--send-alerts", help="Send every alert too, behind its incident.")
    ] = False,
    put_back: Annotated[
        bool,
        typer.Option("--put-back", help="Send once more what sinks had refused for good."),
    ] = False,
    adaptive: Annotated[
        bool, typer.Option("--adaptive", help="Let the threshold follow drift, by a step a day.")
    ] = False,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT", min=1, max=65535, show_default=False,
            help="Show figures to Prometheus at 127.0.0.1:PORT/metrics.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a heartbeat of JSON every few seconds.")
    ] = False,
) -> None:  # fmt: skip
    """Follow a source, and raise incidents as its connections come in."""
    quiet_tools(terminal=True)
    from oddwire.live.watching.asked import asked_of
    from oddwire.live.watching.options import WatchOptions

    project = Project.find()
    options = WatchOptions(
        input=input, from_start=from_start, until_end=until_end, sinks=tuple(sink or ()),
        alert_format=alert_format,
        send_alerts=send_alerts, put_back=put_back, adaptive=adaptive, metrics_port=metrics_port,
    )  # fmt: skip
    asked_of(project, source, load_params(project.params_file).source(source), options)
    _refuse_early(project, source, metrics_port)
    from oddwire.cli.terminal.progress_bars import shown_progress
    from oddwire.cli.terminal.watch_view import watch_view
    from oddwire.operations.progress import step

    with shown_progress(quiet=as_json), step("start"):
        from oddwire.live.watching.watch import watch as run

    with _told_to_stop() as stopped, closing(watch_view(as_json=as_json)) as view:
        run(project, source, options, stopped=stopped, view=view)


def _refuse_early(project: Project, source: str, metrics_port: int | None) -> None:
    """Refuse what is taken now, rather than after seconds of imports."""
    from oddwire.cli.servers.processes import is_free
    from oddwire.operations.locks import watch_lock

    with watch_lock(project, source):
        pass
    if metrics_port is not None and not is_free(metrics_port):
        raise ServiceError(f"--metrics-port must be a free port, got {metrics_port}, which is not")


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """Set an event at Ctrl-C and SIGTERM; a second Ctrl-C ends everything at once."""
    stopped = threading.Event()
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def stop(number: int, _: object) -> None:
        stopped.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in _SIGNALS:
        signal.signal(number, stop)
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
