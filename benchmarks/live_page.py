"""How long the page of incidents takes to answer, with a million alerts in its store.

Run ``python benchmarks/live_page.py [ALERTS] [FOLDER]``; a store that is in the folder already is
taken as it is. Without a folder it lies in a temporary one, and takes 3 GB there.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np

from oddwire.live.alerts.alert import Alert, Endpoint, MadeBy, alert_id
from oddwire.live.alerts.incident import Incident
from oddwire.live.alerts.kinds import Kind
from oddwire.live.alerts.reason import Reason
from oddwire.live.alerts.severity import severity_of
from oddwire.live.page.app import page_app
from oddwire.live.state import Commit, Following, Store, stored_alert, stored_incident

ALERTS, OF_AN_INCIDENT, LARGEST = 1_000_000, 100, 100_000
TIMES = 9
SECOND = 1_000_000
REASONS = tuple(Reason(f"feature_{at}", 240.0, 3.0, 0.999, 0.0, 0.1) for at in range(8))
FEATURES = {f"feature_{at}": 1 / (at + 3) for at in range(60)}


def alert(number: int, incident: int) -> Alert:
    kind = list(Kind)[incident % len(Kind)]
    p_value = 10.0 ** -(2 + incident % 5)
    unit = f"10.{incident >> 8 & 255}.{incident & 255}.7"
    return Alert(
        id=alert_id("bench", str(number)), made_by=MadeBy("bench", "model", "1", "3f2a", 0.6),
        unit=unit, clock=number * SECOND, start=number * SECOND, end=number * SECOND,
        uid=f"C{number}", source=Endpoint(unit, 50_000, 1200, 9, "inside"),
        destination=Endpoint(f"192.0.2.{number % 250}", 443, 3400, 8, "outside"), proto="tcp",
        service="ssl", score=0.7, p_value=p_value / 3, extrapolated=False, unit_p_value=p_value,
        kind=kind, severity=severity_of(unit_p_value=p_value, count=1, kind=kind), reasons=REASONS,
    )  # fmt: skip


def commits(alerts: int) -> Iterator[Commit]:
    """Yield the commits of a store: one incident of 100,000 alerts, and many of 100."""
    number = 0
    while number < alerts:
        size = min(LARGEST if number == 0 else OF_AN_INCIDENT, alerts - number)
        joined = [alert(number + at, number // OF_AN_INCIDENT) for at in range(size)]
        incident = Incident.opened_by(joined[0])
        for one in joined[1:]:
            incident = incident.joined_by(one)
        template = stored_alert(joined[0], incident=incident.id, features=FEATURES)
        rows = tuple(
            replace(
                template, id=one.id, seen=one.clock / SECOND, destination=one.destination.address,
                content=template.content.replace(joined[0].id, one.id),
            )
            for one in joined
        )  # fmt: skip
        number += size
        yield Commit(str(number).encode(), alerts=rows, incidents=(stored_incident(incident),))


def fill(address: str, alerts: int) -> None:
    with Store(address, source="bench") as store:
        following = store.following()
        if following != Following():
            return
        waiting: list[Commit] = []
        for one in commits(alerts):
            waiting.append(one)
            if sum(len(each.alerts) for each in waiting) >= 10_000:
                following = store.commit(together(waiting), after=following).following
                waiting = []
        store.commit(together(waiting), after=following)


def together(made: list[Commit]) -> Commit:
    return Commit(
        position=b"p",
        alerts=tuple(one for each in made for one in each.alerts),
        incidents=tuple(one for each in made for one in each.incidents),
    )


async def measure(address: str) -> None:
    transport = httpx.ASGITransport(page_app(address, Path))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:

        async def incidents(query: str) -> list[dict[str, object]]:
            return (await client.get(f"/api/incidents{query}")).json()["incidents"]

        (large,) = [one for one in await incidents("?until=1970-01-01T00:01") if one["count"] > 9]
        newest = (await incidents(""))[0]
        rare = "2001:db8::1"
        for path in (
            "/", "/?order=severity", "/?until=1970-01-03", "/?severity=high",
            "/?severity=high&kind=beacon", "/?state=open", "/?state=closed", "/?address=10.0.3.7",
            "/?address=10.0", "/?address=192.0.2", f"/?address={rare}",
            "/?kind=scan&address=10.20.1.7", f"/incidents/{newest['id']}",
            f"/incidents/{large['id']}", f"/incidents/{large['id']}?after=50000.0~0",
            f"/alerts/{large['worst']}", "/watchers",
        ):  # fmt: skip
            took = []
            for _ in range(TIMES):
                began = time.perf_counter()
                answer = await client.get(path)
                took.append(1000 * (time.perf_counter() - began))
                answer.raise_for_status()
            half, most = np.median(took), max(took)
            print(f"{half:8.1f} ms {most:8.1f} ms {len(answer.content) / 1000:6.0f} kB  {path}")


def main() -> None:
    alerts = int(sys.argv[1]) if len(sys.argv) > 1 else ALERTS
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[2] if len(sys.argv) > 2 else temporary)
        address = f"sqlite:///{folder / 'alerts.db'}"
        began = time.perf_counter()
        fill(address, alerts)
        size = (folder / "alerts.db").stat().st_size
        print(json.dumps({"alerts": alerts, "GB": round(size / 1e9, 2)}))
        print(f"filled in {time.perf_counter() - began:.0f} s\n  median     most    page")
        asyncio.run(measure(address))


if __name__ == "__main__":
    main()
