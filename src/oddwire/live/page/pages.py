"""The pages, each from what the store holds at the moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from oddwire.live.alerts.alert import Alert
from oddwire.live.alerts.formats.feature_words import feature_in_words, value_in_words
from oddwire.live.alerts.words import UNKNOWN, counted, utc
from oddwire.live.page.asking import (
    BY_SEVERITY,
    KINDS,
    PAUSED,
    SEVERITIES,
    STATES,
    Asked,
    Place,
)
from oddwire.live.page.listing import ON_A_PAGE, caption, listed, one_more
from oddwire.live.page.rendering import rendered
from oddwire.live.page.texts import commands
from oddwire.live.page.texts.story import story_of, story_of_alert
from oddwire.live.page.texts.words import size
from oddwire.live.page.watchers import Watcher, watchers
from oddwire.live.state.contents import alert_of, features_of, incident_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from oddwire.live.page.verdicts import Verdicts
    from oddwire.live.state import AlertStore, StoredAlert, StoredIncident

_REFRESH = 30  # seconds


def incidents_page(store: AlertStore, verdicts: Verdicts, asked: Asked) -> Response:
    """Return the list of incidents."""
    page = listed(store, asked)
    incidents = [incident_of(one) for one in page.incidents]
    judged = [verdicts.of_incident(one.made_by.source, one.id, store) for one in incidents]
    seen = watchers(store.heartbeats())
    paused, first = asked.refresh == PAUSED, not asked.after
    return rendered(
        "incidents",
        here="incidents",
        incidents=list(zip(incidents, judged, strict=True)),
        troubles=list(dict.fromkeys(one.trouble for one in judged if one.trouble)),
        caption=caption(store, asked, page),
        orders=_orders(asked),
        asked=asked,
        choices=_choices(seen, asked),
        watchers=seen,
        clear=Asked(order=asked.order, refresh=asked.refresh).link(),
        newest="" if first else asked.link(after=""),
        older=asked.link(after=str(page.after)) if page.after else "",
        refresh=_REFRESH if first and not paused else 0,
        refresh_link=asked.link(after="", refresh="" if paused else PAUSED),
    )


def incident_page(
    store: AlertStore, verdicts: Verdicts, stored: StoredIncident, after: Place | None
) -> Response:
    """Return one incident, and a page of its alerts, the first first."""
    incident = incident_of(stored)
    source = incident.made_by.source
    found, more = one_more(store.alerts_of(stored.id, limit=ON_A_PAGE + 1, after=after))
    here = f"/incidents/{incident.id}"
    return rendered(
        "incident",
        incident=incident,
        story=[*story_of(incident)],
        parties=(
            ("Sources", incident.sources),
            ("Destinations", incident.destinations),
            ("Ports", incident.ports),
            ("Services", incident.services),
        ),
        judged=verdicts.of_incident(source, stored.id, store),
        act=commands.of_incident(incident),
        alerts=[(alert, verdicts.of_alert(alert)) for alert in map(alert_of, found)],
        caption=_caption(len(found), "alert", whole=after is None and not more),
        newest=f"{here}#alerts" if after else "",
        older=f"{here}?{urlencode({'after': _place(found[-1])})}#alerts" if more else "",
    )


def alert_page(verdicts: Verdicts, stored: StoredAlert) -> Response:
    """Return one alert."""
    alert = alert_of(stored)
    return rendered(
        "alert",
        alert=alert,
        incident=stored.incident,
        suppressed=stored.suppressed,
        story=[*story_of_alert(alert)],
        facts=[*_facts(alert)],
        judged=verdicts.of_alert(alert),
        features=sorted(_features(stored)),
        act=commands.of_alert(alert),
    )


def watchers_page(store: AlertStore, asked: Asked) -> Response:
    """Return what each watcher is doing."""
    paused = asked.refresh == PAUSED
    return rendered(
        "watchers",
        here="watchers",
        watchers=watchers(store.heartbeats(), store.suppressed()),
        refresh=0 if paused else _REFRESH,
        refresh_link="/watchers" if paused else f"/watchers?{urlencode({'refresh': PAUSED})}",
    )


def _features(stored: StoredAlert) -> Iterator[tuple[str, str]]:
    for name, value in features_of(stored).items():
        yield feature_in_words(name), value_in_words(name, value)


def _orders(asked: Asked) -> tuple[tuple[str, str], ...]:
    """Return the orders of the list, each with its link; it is empty for the one that it has."""
    every = (("", "Newest first"), (BY_SEVERITY, "Most severe first"))
    return tuple(
        (words, "" if asked.order == order else asked.link(order=order, after=""))
        for order, words in every
    )


def _caption(shown: int, noun: str, *, whole: bool) -> str:
    return counted(shown, noun) if whole else f"{counted(shown, noun)} on this page"


def _choices(seen: Sequence[Watcher], asked: Asked) -> tuple[tuple[str, str, Sequence[str]], ...]:
    sources = {watcher.source for watcher in seen} | ({asked.source} - {""})
    return (
        ("source", "Source", sorted(sources)),
        ("severity", "Severity, at least", SEVERITIES),
        ("kind", "Kind", KINDS),
        ("state", "State", STATES),
    )


def _facts(alert: Alert) -> Iterator[tuple[str, str | None]]:
    yield "Began", utc(alert.start)
    yield "Ended", utc(alert.end)
    for name, end in (("From", alert.source), ("To", alert.destination)):
        port = "" if end.port is None else f", port {end.port}"
        sent = "" if end.bytes is None else f", sent {size(end.bytes)}"
        packets = "" if end.packets is None else f" in {counted(end.packets, 'packet')}"
        side = f" ({end.side})" if end.side else ""
        yield name, f"{end.address or UNKNOWN}{side}{port}{sent}{packets}"
    yield "Protocol", alert.proto
    yield "Service", alert.service
    yield "Counted with", alert.unit
    yield "Log's id", alert.uid
    made_by = alert.made_by
    yield "Score", f"{alert.score:.4g}; an alert is raised from {made_by.threshold:.4g} on"
    beyond = ", extrapolated" if alert.extrapolated else ""
    yield (
        "P-value",
        f"{alert.p_value:.3g} of benign rows{beyond}; {alert.unit_p_value:.3g} of units",
    )
    yield "Source", made_by.source
    yield (
        "Model",
        f"{made_by.model} version {made_by.model_version}, trained on data {made_by.data_version}",
    )


def _place(stored: StoredAlert) -> str:
    return str(Place(stored.seen, stored.id))
