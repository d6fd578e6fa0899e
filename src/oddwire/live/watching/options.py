"""What can be asked of a watch."""

from __future__ import annotations

from dataclasses import dataclass

from oddwire.params.watch import AlertFormat


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """How a source is watched, where it differs from what ``params.yaml`` says.

    Parameters
    ----------
    input
        What is followed in place of the source's own files: ``-``, ``redis://…``, ``kafka://…``;
        None for what is set.
    from_start
        Whether rows that are there already are scored too, the first time that it is watched, even
        if that is not set.
    until_end
        Whether to end where there is nothing more to read.
    sinks
        Where incidents are sent, beside those that are set: files, addresses.
    alert_format
        How they are written; None for what is set.
    send_alerts
        Whether every alert is sent as well, behind the incident that it opened or joined.
    put_back
        Whether to send once more what sinks had refused for good.
    adaptive
        Whether the threshold follows drift.
    metrics_port
        Where Prometheus finds figures at 127.0.0.1; None for nowhere.
    """

    input: str | None = None
    from_start: bool = False
    until_end: bool = False
    sinks: tuple[str, ...] = ()
    alert_format: AlertFormat | None = None
    send_alerts: bool = False
    put_back: bool = False
    adaptive: bool = False
    metrics_port: int | None = None
