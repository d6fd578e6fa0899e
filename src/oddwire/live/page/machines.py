"""The same as the pages for machines: JSON, with every text whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

import oddwire
from oddwire.live.page.asking import Asked, Place
from oddwire.live.page.pages import found_incidents

if TYPE_CHECKING:
    from starlette.requests import Request

    from oddwire.live.state import AlertStore, StoredAlert, StoredIncident


def incidents_json(store: AlertStore, asked: Asked) -> JSONResponse:
    """Return a page of incidents, and the address of the next one."""
    found, more = found_incidents(store, asked)
    following = asked.link(after=str(Place(found[-1].opened, found[-1].id))) if more else ""
    return JSONResponse(
        {
            "incidents": [json.loads(one.content) for one in found],
            "next": f"/api/incidents{following[1:]}" if following else None,
        }
    )


def incident_json(stored: StoredIncident) -> JSONResponse:
    """Return an incident."""
    return JSONResponse(json.loads(stored.content))


def alert_json(stored: StoredAlert) -> JSONResponse:
    """Return an alert, with the features that it was scored by."""
    ends = {"incident": stored.incident or None, "suppressed_by": stored.suppressed or None}
    return JSONResponse(json.loads(stored.content) | ends)


def health(_: Request) -> JSONResponse:
    """Say that the page is served, and by which version."""
    return JSONResponse({"status": "ok", "version": oddwire.__version__})


def problem_json(status: int, sentence: str) -> JSONResponse:
    """Return why there is no answer."""
    content: dict[str, Any] = {"error": sentence}
    return JSONResponse(content, status)
