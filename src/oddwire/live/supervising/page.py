"""How a watched source stands, as a line of a log and as a page of Prefect."""

from __future__ import annotations

from collections.abc import Sequence

from oddwire.detection.calibration.thresholds.targets import in_words
from oddwire.live.alerts.incident import Incident
from oddwire.live.alerts.words import utc
from oddwire.live.vitals.heartbeat import Heartbeat
from oddwire.operations.markdown import escaped, table


def heartbeat_line(beat: Heartbeat) -> str:
    """Return how it stands, in a line."""
    lost = [
        f"{count:,} {what}"
        for what, count in (
            ("lines refused", beat.refused), ("late", beat.late), ("dropped", beat.dropped),
        )
        if count
    ]  # fmt: skip
    return "; ".join([
        f"{beat.state}: {beat.rows:,} connections, {beat.rows_per_second:,.0f}/s, {beat.how_far}",
        f"{beat.alerts:,} alerts ({beat.suppressed:,} suppressed among those stored)",
        f"{beat.incidents.get('open', 0):,} of {beat.incidents.get('opened', 0):,} incidents open",
        *lost,
        *[f"sink {one.name}: {one.trouble}" for one in beat.sinks if one.in_trouble],
    ])  # fmt: skip


def watching_markdown(beat: Heartbeat, incidents: Sequence[Incident]) -> str:
    """Return the page of a source that is watched.

    Parameters
    ----------
    incidents
        Those that are open, the first to read first.
    """
    return "\n\n".join([
        f"# {escaped(beat.source)} is {beat.state}",
        table(["", ""], [[name, escaped(value)] for name, value in _figures(beat)]),
        "## Open incidents",
        _incidents(incidents) if incidents else "None.",
        *(["## Sinks", _sinks(beat)] if beat.sinks else []),
        *(["## Notices", *[f"- {escaped(each)}" for each in beat.notices]] if beat.notices else []),
    ])  # fmt: skip


def _figures(beat: Heartbeat) -> list[tuple[str, str]]:
    version = beat.model.get("version", "")
    opened, now_open = (beat.incidents.get(name, 0) for name in ("opened", "open"))
    figures = [
        ("as of", f"{utc(beat.at)} by the watcher's clock"),
        ("model", f"{beat.model.get('name', '')} {version}".strip() or "none yet"),
        ("connections", f"{beat.rows:,}, {beat.rows_per_second:,.1f} per second"),
        ("newest connection", _newest(beat)),
        ("alerts", f"{beat.alerts:,}; {beat.suppressed:,} suppressed among those stored"),
        ("incidents", f"{opened:,}, of which {now_open:,} open"),
        ("target", ", ".join(in_words(name, value) for name, value in beat.target.items())),
        *[
            (f"last {span}", one.in_words(beat.target))
            for span, one in beat.observed.items() if one
        ],
        ("lines refused", f"{beat.refused:,}"),
        ("late", f"{beat.late:,}"),
        ("dropped from time windows", f"{beat.dropped:,}"),
    ]  # fmt: skip
    return [*figures, *([("calibration", beat.calibration)] if beat.calibration else [])]


def _newest(beat: Heartbeat) -> str:
    return "none yet" if beat.newest is None else f"{utc(beat.newest)} by its log; {beat.how_far}"


def _incidents(incidents: Sequence[Incident]) -> str:
    rows = [
        [
            one.id[:8], one.severity.word, escaped(one.title), f"{one.count:,}", utc(one.opened),
        ]
        for one in incidents
    ]  # fmt: skip
    return table(["id", "severity", "incident", "alerts", "since"], rows)


def _sinks(beat: Heartbeat) -> str:
    rows = [
        [
            escaped(one.called), f"{one.waiting:,}", f"{one.delivered:,}", f"{one.dropped:,}",
            f"{one.dead:,}", escaped(one.trouble if one.in_trouble or one.dead else ""),
        ]
        for one in beat.sinks
    ]  # fmt: skip
    return table(["sink", "waiting", "delivered", "dropped", "dead letters", "trouble"], rows)
