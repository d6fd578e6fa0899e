"""A webhook: a POST request per message, over https."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from oddwire.live.sinks.contract import NotTaken, Refused, Unreachable
from oddwire.masking import HIDDEN, reason

if TYPE_CHECKING:
    from httpx import Client, Response

    from oddwire.live.state import Message

TOKEN_VARIABLE = "ODDWIRE_SINK_TOKEN"  # noqa: S105 - the name of the variable
_SECONDS = 10.0
_LONGEST_WAIT = 3600.0
# It may take them another time, whoever they are.
_BUSY = {
    HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT,
}  # fmt: skip
# A wrong or worn-out token is mended by its owner: no message is to blame.
_OURS = {
    HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
}  # fmt: skip


class Webhook:
    """Posts messages, at least once; ``Idempotency-Key`` is the message's id.

    Parameters
    ----------
    address
        ``https://…``; ``http://…`` only of this machine. Redirections are not followed: a token
        would go with them.
    token
        Sent as ``Authorization: Bearer``; empty for none.
    seconds
        How long connecting, and each part of an answer, may take.
    """

    most = 1

    def __init__(self, address: str, *, token: str = "", seconds: float = _SECONDS) -> None:
        self._address, self._token, self._seconds = address, token, seconds
        self._client: Client | None = None

    def deliver(self, messages: Sequence[Message], place: str) -> str:
        """Post the message; only an answer of success counts as its being taken."""
        from httpx import HTTPError, InvalidURL

        for one in messages:
            headers = {"Content-Type": "application/json", "Idempotency-Key": one.id}
            try:
                answer = self._connected().post(
                    self._address, content=one.body.encode("utf-8"), headers=headers
                )
            except (HTTPError, InvalidURL, OSError) as error:
                raise Unreachable(self._without_secrets(error)) from error
            self._look_at(answer)
        return place

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self) -> Client:
        if self._client is None:
            from httpx import Client

            headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
            self._client = Client(timeout=self._seconds, headers=headers, follow_redirects=False)
        return self._client

    def _look_at(self, answer: Response) -> None:
        code = answer.status_code
        if answer.is_success:
            return
        said = f"{server_of(self._address)} answered {code}"  # its words may be anything
        if code in _BUSY:
            raise Unreachable(said, wait=_asked_to_wait(answer))
        if code in _OURS or answer.is_redirect:
            raise Unreachable(said)
        if answer.is_server_error:
            raise NotTaken(said)
        raise Refused(said)

    def _without_secrets(self, error: Exception) -> str:
        text = reason(error, self._address)
        path = urlsplit(self._address).path
        for secret in (self._token, path if path != "/" else ""):
            text = text.replace(secret, HIDDEN) if secret else text
        return f"{server_of(self._address)}: {text}"


def server_of(address: str) -> str:
    """Return the server of a webhook: the path is often the secret.

    Examples
    --------
    >>> server_of("https://joe:pw@hooks.example:8443/services/T0/B0/secret")
    'https://hooks.example:8443'
    """
    parts = urlsplit(address)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def _asked_to_wait(answer: Response) -> float:
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), _LONGEST_WAIT) if asked.isascii() and asked.isdigit() else 0.0
