"""What every answer of the page tells a browser, and which requests it takes.

Nothing on the page runs, frames it or is loaded from elsewhere: what a host on the wire calls
itself stays text, even if an escape were forgotten. Who may ask at all, the guard says that all
servers of ``oddwire up`` stand behind.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = ("GET", "HEAD")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",  # of who talks to whom, no copy stays behind
}


class Protection:
    """An ASGI application that lets requests to read through, and adds the headers.

    Parameters
    ----------
    app
        The page.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; everything else is passed on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        if scope["method"] in METHODS:
            await self._app(scope, receive, protected)
        else:
            refused = PlainTextResponse(
                "refused: this page can be read alone", 405, {"Allow": ", ".join(METHODS)}
            )
            await refused(scope, receive, protected)
