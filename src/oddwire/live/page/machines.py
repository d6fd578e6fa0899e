"""The same as the pages for machines: JSON, with every text whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

import oddwire
from oddwire.live.page.asking import Asked
from oddwire.live.page.listing import listed
from oddwire.live.state.contents import alert_of, incident_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from oddwire.live.page.verdicts import Verdicts
    from oddwire.live.state import AlertStore, StoredAlert, StoredIncident


def incidents_json(store: AlertStore, verdicts: Verdicts, asked: Asked) -> JSONResponse:
    """Return a page of incidents, and the address of the next one."""
    page = listed(store, asked)
    following = asked.link(after=str(page.after)) if page.after else ""
    return JSONResponse(
        {
            "incidents": [_incident(store, verdicts, one) for one in page.incidents],
            "next": f"/api/incidents{following[1:]}" if following else None,
        }
    )


def incident_json(store: AlertStore, verdicts: Verdicts, stored: StoredIncident) -> JSONResponse:
    """Return an incident."""
    return JSONResponse(_incident(store, verdicts, stored))


def alert_json(verdicts: Verdicts, stored: StoredAlert) -> JSONResponse:
    """Return an alert, with the features that it was scored by."""
    judged = verdicts.of_alert(alert_of(stored))
    more = {
        "incident": stored.incident or None, "suppressed_by": stored.suppressed or None,
        "judged": judged.to_dict(),
    }  # fmt: skip
    return JSONResponse(json.loads(stored.content) | more)


def _incident(store: AlertStore, verdicts: Verdicts, stored: StoredIncident) -> dict[str, Any]:
    judged = verdicts.of_incident(incident_of(stored).made_by.source, stored.id, store)
    content: dict[str, Any] = json.loads(stored.content)
    return content | {"judged": judged.to_dict()}


def health(_: Request) -> JSONResponse:
    """Say that the page is served, and by which version."""
    return JSONResponse({"status": "ok", "version": oddwire.__version__})


def problem_json(status: int, sentence: str) -> JSONResponse:
    """Return why there is no answer."""
    content: dict[str, Any] = {"error": sentence}
    return JSONResponse(content, status)
