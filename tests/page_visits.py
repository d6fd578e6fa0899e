"""Somebody who looks at the page of incidents, and stores for it to show."""

from __future__ import annotations

import asyncio
import dataclasses
import html
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
from some_alerts import HOSTILE, MADE_BY, NOON, some_alert
from some_stores import kept_together

from oddwire.cli.servers.guard import Guard
from oddwire.live.alerts.incidents import OpenIncidents
from oddwire.live.alerts.kinds import Kind
from oddwire.live.alerts.raising import raise_alerts
from oddwire.live.page.app import page_app
from oddwire.live.state import Commit, Store, stored_alert, stored_incident
from oddwire.live.verdicts.labelling import connection_of
from oddwire.live.vitals.heartbeat import Heartbeat
from oddwire.traffic.verdicts.table import Verdict, VerdictTable

NOWHERE = Path("/nowhere")
HERE = "http://127.0.0.1:8100"
EVIL = (
    *HOSTILE,
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)> ' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</title></bdi></table><h1>owned</h1>",
    "\u200b\u2066hidden\ufeff",
    "\u05d0\u05d1\u05d2 right to left",
    "o" + "\u0301" * 1000,
    "$(touch owned); `touch owned` 'x'\n--expires 2099-01-01",
)


HARMLESS_TAGS = {
    "html", "head", "meta", "title", "link", "body", "header", "nav", "main", "section", "footer",
    "a", "p", "h1", "h2", "h3", "ul", "li", "dl", "dt", "dd", "div", "span", "bdi", "code", "time",
    "table", "caption", "thead", "tbody", "tr", "th", "td", "svg", "rect", "details", "summary",
    "form", "label", "input", "select", "option", "button",
}  # fmt: skip


class Visitor:
    """Asks the application, behind the guard that it is served with."""

    def __init__(self, address: str, labels: Path = NOWHERE) -> None:
        self._app = Guard(page_app(address, lambda source: labels / f"{source}.csv"))

    def ask(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        """Return the answer to a request."""

        async def asking() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(asking())

    def read(self, path: str) -> str:
        """Return a page that is there, as it is sent."""
        answer = self.ask(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def see(self, path: str) -> str:
        """Return what stands on it, as one line."""
        return text_of(self.read(path))


def text_of(page: str) -> str:
    """Return what stands on a page, as one line."""
    body = re.sub(r"<(?!/?bdi)[^>]*>", " ", page.partition("<main")[2].partition(">")[2])
    return " ".join(html.unescape(re.sub("</?bdi>", "", body)).split())


def links(page: str, begin: str) -> list[str]:
    """Return the addresses on a page that begin with a text."""
    found = [html.unescape(one) for one in re.findall(r'href="([^"]*)"', page)]
    return [one for one in dict.fromkeys(found) if one.startswith(begin)]


class _Tags(HTMLParser):
    """Collects the elements of a page and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, str, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {(tag, name, value or "") for name, value in [*attrs, ("", "")]}


def assert_harmless(page: str) -> None:
    """Check that a page has nothing that runs, is loaded from elsewhere or leads there."""
    parser = _Tags()
    parser.feed(page)
    assert {tag for tag, _, _ in parser.found} <= HARMLESS_TAGS
    for tag, name, value in parser.found:
        assert not name.startswith("on")
        assert name != "style"
        if name in {"href", "src", "action", "content"} and tag != "meta":
            assert value.startswith(("/", "#"))
            assert not value.startswith("//")
    assert page.replace("\n", "").isprintable()


def commands(page: str) -> list[str]:
    """Return the commands that a page offers."""
    return [
        html.unescape(one) for one in re.findall("<dd><code>(.*?)</code></dd>", page, re.DOTALL)
    ]


def evil_alerts(texts=EVIL, first=500):
    """Return alerts of a log in which every text is an attacker's, raised as all alerts are."""
    rows = pd.DataFrame({
        "src_ip": texts, "dst_ip": texts, "uid": texts, "service": texts, "proto": texts,
        "ts": pd.Timestamp(NOON - 1, unit="us", tz="UTC"),
        "end": pd.Timestamp(NOON, unit="us", tz="UTC"),
        "src_port": 50_000, "dst_port": 22, "src_bytes": 10, "dst_bytes": 20,
    })  # fmt: skip
    scores = pd.DataFrame(
        {"anomaly_score": 0.9, "p_value": 1e-4, "extrapolated": False, "alert": True},
        index=rows.index,
    )
    explained = pd.DataFrame({
        "row": rows.index, "rank": 1, "feature": texts, "value": texts, "benign_median": texts,
        "benign_quantile": np.nan, "benign_share": 0.0, "share": 1.0,
    })  # fmt: skip
    clock = NOON + (first + np.arange(len(rows))) * 60_000_000
    return raise_alerts(
        rows, scores, unit_p_values=np.full(len(rows), 1e-3), clock=clock,
        places=[f"evil {row}" for row in rows.index], made_by=MADE_BY, explained=explained,
    )  # fmt: skip


def ordinary_alerts():
    """Return a scan of 120 alerts, and one of each of four other kinds after it."""
    scan = [
        some_alert(f"scan {number}", minutes=number / 30, target=f"10.0.1.{number}", p=2.5e-5)
        for number in range(120)
    ]
    kinds = (Kind.BEACON, Kind.FLOOD, Kind.BRUTE_FORCE, Kind.UNUSUAL)
    others = [
        some_alert(
            kind, minutes=60 + 30 * place, unit=f"10.0.9.{place}", target="203.0.113.9",
            kind=kind, p=0.03 / 10**place,
        )
        for place, kind in enumerate(kinds)
    ]  # fmt: skip
    return [*scan, *others]


def fill(address, alerts, *, source="office", features=None, number=0):
    """Keep alerts and their incidents in a store, as following does; the last one's features."""
    alerts = [
        dataclasses.replace(one, made_by=dataclasses.replace(one.made_by, source=source))
        for one in alerts
    ]
    opened = OpenIncidents()
    grouped = opened.update(alerts)
    stand = {change.incident.id: change.incident for change in grouped.changes}
    stand |= {incident.id: incident for incident in opened.incidents}
    with Store(address, source=source) as store:
        made = Commit(
            position=str(number).encode(),
            alerts=tuple(
                stored_alert(
                    one,
                    incident=grouped.joined.get(one.id, ""),
                    features=features if one is alerts[-1] else None,
                )
                for one in alerts
                if one.id not in grouped.unlisted
            ),
            more_alerts=kept_together(alerts, grouped),
            incidents=tuple(map(stored_incident, stand.values())),
        )
        store.commit(made, after=store.following())
        store.beat(beat(source=source).to_json())
    return list(stand.values())


def judge(folder, alerts, *, label, incident="", family=None, note="", at="2026-03-05T10:00:00Z"):
    """Write verdicts into the table of the alerts' source, as a careless tool might."""
    for source in {alert.made_by.source for alert in alerts}:
        file = folder / f"{source}.csv"
        table = VerdictTable.read(file)
        table.add(
            Verdict(connection_of(alert), label, family, note, at, incident or alert.id)
            for alert in alerts
            if alert.made_by.source == source
        )
        file.write_bytes(table.text().encode("utf-8", "replace"))


def beat(**given) -> Heartbeat:
    """Return a heartbeat of now; what is not given is ordinary."""
    now = round(time.time() * 1_000_000)
    ordinary = {
        "source": "office", "at": now, "started": now, "rows": 1_000, "rows_per_second": 512.0,
        "lag_seconds": 0.4, "newest": now - 400_000, "last_row_at": now,
        "model": {"name": "oddwire-office", "version": "7"},
    }  # fmt: skip
    return Heartbeat(**(ordinary | given))
