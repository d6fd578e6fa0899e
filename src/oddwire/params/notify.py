"""``notify:``, who is told of drift, and of a watcher that falls silent."""

from __future__ import annotations

import os
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr
from pydantic_core import PydanticCustomError

from oddwire.errors import ParameterError
from oddwire.params.base import Settings

WEBHOOK_VARIABLE = "ODDWIRE_WEBHOOK"


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.port != 0 and parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:  # a port that is no number, a bracket without its pair
        return False


def _check_address(webhook: SecretStr) -> SecretStr:
    if not _is_address(webhook.get_secret_value()):
        # The value may hold a token: it is not repeated.
        raise PydanticCustomError(
            "webhook", "must be an http or https address", {"got": "another value"}
        )
    return webhook


class NotifySettings(Settings):
    """Who is told of drift, and of a watcher that falls silent.

    Parameters
    ----------
    webhook
        An http or https address that is sent a JSON object when a drift check finds drift, and when
        a watcher falls silent and is back. It often holds a token: ``ODDWIRE_WEBHOOK`` names it
        outside the file, and goes before it.
    """

    webhook: Annotated[SecretStr, AfterValidator(_check_address)] | None = None

    def address(self) -> str | None:
        """Return the webhook's address, None where nobody is to be told.

        Raises
        ------
        ParameterError
            If the one of the environment is no address.
        """
        named = os.environ.get(WEBHOOK_VARIABLE)
        if named and not _is_address(named):
            raise ParameterError(f"{WEBHOOK_VARIABLE} must be an http or https address")
        if named:
            return named
        return None if self.webhook is None else self.webhook.get_secret_value()
