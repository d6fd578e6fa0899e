"""Who may talk to a local server: its own page and programs of this machine, no other web page.

A browser lets any page send requests to 127.0.0.1, and lets a page of a name that its owner points
at 127.0.0.1 ("DNS rebinding") read the answers. It says truthfully, however, which name it asked
for (``Host``) and which page asks (``Origin``, ``Sec-Fetch-Site``). Programs say neither.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# A port of the client's own choice is no danger, and a tunnel (`ssh -L`) may have another one.
_HOST = re.compile(r"(?:127\.0\.0\.1|localhost)(?::(\d{1,5}))?")
_ORIGIN = re.compile(r"http://(?:127\.0\.0\.1|localhost)(?::(\d{1,5}))?")


class Guard:
    """An ASGI application that lets through to another one what may talk to it.

    Parameters
    ----------
    app
        The server's application.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or a websocket's handshake; everything else is passed on."""
        if scope["type"] in {"http", "websocket"}:
            reason = refusal(scope.get("method", ""), scope["headers"])
            if reason and scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": reason})
                return
            if reason:
                await _answer(send, reason)
                return
        await self._app(scope, receive, send)


async def _answer(send: Send, reason: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": reason.encode()})


def refusal(method: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return why a request is refused; empty if it is not.

    Parameters
    ----------
    method
        HTTP method, empty for a websocket's handshake.
    headers
        Names in lower case, and values.

    Examples
    --------
    >>> refusal("POST", [(b"host", b"127.0.0.1:4200")])
    ''
    >>> refusal("GET", [(b"host", b"evil.example:4200")])
    'refused: a local server answers as 127.0.0.1 or localhost alone'
    """
    given: dict[bytes, list[str]] = {}
    for name, value in headers:
        given.setdefault(name, []).append(value.decode("latin-1"))
    hosts, origins = given.get(b"host", []), given.get(b"origin", [])
    host = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if host is None:
        return "refused: a local server answers as 127.0.0.1 or localhost alone"
    if origins:
        origin = _ORIGIN.fullmatch(origins[0]) if len(origins) == 1 else None
        own = origin is not None and origin[1] == host[1]
    else:
        own = _comes_from_its_own_page(method, given)
    return "" if own else "refused: a local server takes no requests of another page"


def _comes_from_its_own_page(method: str, given: dict[bytes, list[str]]) -> bool:
    """Judge a request without an origin: a link may lead here, what a page embeds may not."""
    site, mode, into = (
        given.get(name, [""])[0]
        for name in (b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest")
    )
    followed = method in {"GET", "HEAD"} and mode == "navigate" and into == "document"
    return site not in {"cross-site", "same-site"} or followed
