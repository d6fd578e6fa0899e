"""The page of incidents as an ASGI application. It reads the store anew for every request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from oddwire.errors import NoStoreError, NotStoredError, OddwireError, ParameterError, ServiceError
from oddwire.live.page import machines, pages
from oddwire.live.page.asking import Asked, Place
from oddwire.live.page.protection import Protection
from oddwire.live.page.rendering import rendered, style
from oddwire.live.page.verdicts import Verdicts
from oddwire.live.state import AlertStore, store_address
from oddwire.project import Project

_STATUS: Mapping[type[OddwireError], HTTPStatus] = {
    ParameterError: HTTPStatus.BAD_REQUEST,
    NotStoredError: HTTPStatus.NOT_FOUND,
}
_PATIENCE = 2.0  # seconds for which a store that is locked or down is asked again
_HEADINGS = {
    HTTPStatus.BAD_REQUEST: "That cannot be asked for",
    HTTPStatus.NOT_FOUND: "Not found",
    HTTPStatus.SERVICE_UNAVAILABLE: "The store of alerts cannot be read",
}
Answer = Callable[[AlertStore, Request], Response]


def server_app(project: Project) -> Protection:
    """Return the application for a project's store."""
    return page_app(store_address(project.live), project.labels)


def page_app(address: str, labels: Callable[[str], Path]) -> Protection:
    """Return the application.

    Parameters
    ----------
    address
        Of the store of alerts (`live.state.store_address`). It need not be there yet.
    labels
        Returns where the verdicts on a source's alerts are kept; there need be none.
    """
    verdicts = Verdicts(labels)
    answers: dict[str, Answer] = {
        "/": lambda store, request: pages.incidents_page(store, verdicts, _asked(request)),
        "/incidents/{id}": lambda store, request: pages.incident_page(
            store, verdicts, store.incident(_id(request)),
            Place.of(request.query_params.get("after", "")),
        ),
        "/alerts/{id}": lambda store, request: pages.alert_page(
            verdicts, store.alert(_id(request))
        ),
        "/watchers": lambda store, request: pages.watchers_page(store, _asked(request)),
        "/api/incidents": lambda store, request: machines.incidents_json(
            store, verdicts, _asked(request)
        ),
        "/api/incidents/{id}": lambda store, request: machines.incident_json(
            store, verdicts, store.incident(_id(request))
        ),
        "/api/alerts/{id}": lambda store, request: machines.alert_json(
            verdicts, store.alert(_id(request))
        ),
    }  # fmt: skip
    routes = [Route(path, _answering(address, answer)) for path, answer in answers.items()]
    routes += [Route("/style.css", _style), Route("/healthz", machines.health)]
    handlers = {OddwireError: _problem, HTTPException: _refused, Exception: _defect}
    return Protection(Starlette(routes=routes, exception_handlers=handlers))


def _answering(address: str, answer: Answer) -> Callable[[Request], Response]:
    def answered(request: Request) -> Response:
        with _opened(address) as store:
            return answer(store, request)

    return answered


def _opened(address: str) -> AlertStore:
    try:
        return AlertStore(address, patience=_PATIENCE)
    except ParameterError as error:  # of the address: nothing that this request asks for
        raise ServiceError(str(error)) from error


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _asked(request: Request) -> Asked:
    return Asked.of(request.query_params)


def _style(_: Request) -> Response:
    return Response(style(), media_type="text/css")


def _problem(request: Request, error: Exception) -> Response:
    """Answer where the store does not, or something cannot be asked for."""
    status = next(
        (status for kind, status in _STATUS.items() if isinstance(error, kind)),
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
    if isinstance(error, NoStoreError) and not _is_for_machines(request):
        # Where nothing was watched yet, a list is empty, which is no fault.
        status = HTTPStatus.NOT_FOUND if request.path_params else HTTPStatus.OK
        return rendered("nothing", status, sentence=str(error))
    return _told(request, status, _HEADINGS[status], str(error))


def _refused(request: Request, error: Exception) -> Response:
    status = (
        HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.NOT_FOUND
    )
    return _told(request, status, status.phrase, "There is no such page.")


def _defect(request: Request, _: Exception) -> Response:
    said = "This is a defect of oddwire. What went wrong is in data/logs/incidents-page.log."
    return _told(request, HTTPStatus.INTERNAL_SERVER_ERROR, "This page could not be made", said)


def _told(request: Request, status: HTTPStatus, heading: str, sentence: str) -> Response:
    if _is_for_machines(request):
        return machines.problem_json(status, sentence)
    return rendered("problem", status, heading=heading, sentences=[sentence])


def _is_for_machines(request: Request) -> bool:
    return request.url.path.startswith("/api/")
