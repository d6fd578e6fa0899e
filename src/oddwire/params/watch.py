"""``watch:``, what `oddwire watch` follows and where alerts go: of a source, and of all.

Nothing here changes a row that is read or a model that is trained: no stage depends on it.
"""

from __future__ import annotations

import os
import re
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, Secret
from pydantic_core import PydanticCustomError

from oddwire.errors import ParameterError
from oddwire.masking import masked, parses
from oddwire.params.base import Settings
from oddwire.params.source_settings import SourceSettings, as_list

WhenFull = Literal["wait", "sample", "drop_oldest"]
AlertFormat = Literal["ecs", "ocsf"]
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SECRET_NAME = re.compile("password|key|token|secret", re.IGNORECASE)  # of an option of an address


class Address(Secret[str]):
    """Where something is: a file, or the address of a server, which may hold a secret.

    ``${NAME}`` in it stands for a variable of the environment, so that the secret need not be in
    the file.
    """

    def _display(self) -> str:
        text: str = self.get_secret_value()
        return masked(text) if "://" in text else text

    @property
    def has_secret(self) -> bool:
        """Whether the text itself holds what others should not read."""
        text = _VARIABLE.sub("", self.get_secret_value())
        if "://" not in text:
            return False
        parts = urlsplit(text) if parses(text) else None
        if parts is None or parts.scheme in {"http", "https"} or parts.password:
            return True
        return any(_SECRET_NAME.search(name) for name, _ in parse_qsl(parts.query))

    def opened(self) -> str:
        """Return the text, with the values of the variables that it names.

        Raises
        ------
        ParameterError
            If one of them is not set.
        """
        text: str = self.get_secret_value()
        whole = _VARIABLE.fullmatch(text) or "://" not in text

        def value(found: re.Match[str]) -> str:
            name = found[1]
            if not os.environ.get(name):
                raise ParameterError(f"{self} names the variable {name}, which is not set")
            return os.environ[name] if whole else quote(os.environ[name], safe="")

        return _VARIABLE.sub(value, text)


def _check_text(address: Address) -> Address:
    text = address.get_secret_value()
    if not text or not text.isprintable():
        raise PydanticCustomError(
            "address", "must be an address in printable text", {"got": "another value"}
        )
    return address


_Address = Annotated[Address, AfterValidator(_check_text)]


class WatchedSource(Settings):
    """How one source is followed.

    Parameters
    ----------
    input
        What is read in place of its files: ``-`` for standard input, or the address of a list or
        stream of Redis, or of a topic of Kafka.
    sinks
        Where alerts go, beside the store: files, Redis streams, webhooks, syslog.
    from_start
        Whether to begin with what is there already; otherwise with what comes after. What was
        followed before is gone on with in any case.
    adaptive
        Whether the threshold follows drift.
    """

    input: _Address | None = None
    sinks: Annotated[tuple[_Address, ...], BeforeValidator(as_list)] = ()
    from_start: bool = False
    adaptive: bool = False


def _as_block(given: Any) -> Any:
    if given is False:
        return None
    if given is True:
        return WatchedSource()
    if given is not None and not isinstance(given, dict | WatchedSource):
        raise PydanticCustomError(
            "watch", "must be true, false or a block of keys and values", {"got": given}
        )
    return given


Watched = Annotated[WatchedSource | None, BeforeValidator(_as_block)]


def watched(source: SourceSettings) -> WatchedSource | None:
    """Return how a source is followed, None where it is not, or none of its format can be."""
    return getattr(source, "watch", None)


class WatchSettings(Settings):
    """How all sources are followed.

    Parameters
    ----------
    when_full
        What happens when a sink takes less than there is to say: see `live.state.Policy`.
    most_waiting
        How many messages may wait for a sink.
    longest_wait
        How many seconds following waits for a sink at most; None to wait rather than drop anything.
    quiet_minutes
        After how long it is said that nothing was read.
    keep_days
        How long alerts and incidents are kept; None for ever.
    alert_format
        The form of what sinks get: Elastic Common Schema, or OCSF.
    """

    when_full: WhenFull = "wait"
    most_waiting: int = Field(100_000, ge=1, le=100_000_000)
    longest_wait: float | None = Field(300.0, ge=0)
    quiet_minutes: float = Field(15.0, gt=0, le=60 * 24 * 366)
    keep_days: int | None = Field(90, ge=1, le=36_600)
    alert_format: AlertFormat = "ecs"
