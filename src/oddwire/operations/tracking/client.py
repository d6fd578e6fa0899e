"""A client of MLflow that waits for its store as long as the settings say, and no longer.

MLflow by itself tries a request eight times, two minutes each. What fails for good is a
`ServiceError`, and from then on every call of the same client fails at once.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

from oddwire.errors import ServiceError
from oddwire.faults import LOCKED, fault_of
from oddwire.masking import masked, reason
from oddwire.operations.tracking.repeats import made_already
from oddwire.service_timeout import service_timeout

if TYPE_CHECKING:
    from mlflow import MlflowClient

Answer = TypeVar("Answer")
# What SQLite says of a damaged file. It is never moved: it is all that is known of the models.
_DAMAGED = ("file is not a database", "database disk image is malformed")
_MEND = (
    "; the file is damaged: bring back a copy of it, or try `sqlite3 FILE .recover`; moved away, "
    "a new one is begun without any run or model"
)
_INVALID = "INVALID_PARAMETER_VALUE"
# A request that was cut off; and one that MLflow made of an answer that was.
_IN_PART = (
    "Missing value for required parameter",
    "Invalid experiment ID ''",
    "`model_id` must be a non-empty string, but got ''",
)
_OUTAGES = {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE"}
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0  # seconds between two tries
_REQUEST, _RETRIES = "MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
_set_by_us: dict[str, str] = {}


def connect(uri: str) -> MlflowClient:
    """Open a store, its tables made if need be.

    Raises
    ------
    ServiceError
        If it does not answer.
    """
    # MLflow reads these when it is imported; a person who set them is obeyed.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    _limit_waits()
    from mlflow import MlflowClient

    # "Creating initial MLflow database tables..." tells a user of oddwire nothing.
    for name in ("alembic", "mlflow.pyfunc"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # It logs an error of the database with SQL and traceback, and raises it as well.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)

    def opened() -> MlflowClient:
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
        return client

    try:
        client = patiently(opened, uri)
    except ServiceError:
        raise
    # SQLAlchemy's and the drivers' own errors pass through MLflow.
    except Exception as error:  # noqa: BLE001
        raise ServiceError(_failed(uri, error)) from None
    return cast("MlflowClient", _Patient(client, uri))


def _limit_waits() -> None:
    """Let MLflow wait half the time for an answer, once: see `patiently`."""
    wanted = {_REQUEST: f"{max(1, service_timeout() / 2):.0f}", _RETRIES: "0"}
    for name, value in wanted.items():
        if os.environ.get(name) in {None, _set_by_us.get(name)}:
            os.environ[name] = _set_by_us[name] = value


class _Patient:
    """An `MlflowClient` that waits for its store to come back, but not for ever.

    What MLflow itself answers, such as that there is no such run, passes through.
    """

    def __init__(self, client: MlflowClient, uri: str) -> None:
        self._client, self._uri = client, uri
        self._lost: ServiceError | None = None

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the client, a method as one that is patient."""
        found = getattr(self._client, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            if self._lost is not None:
                raise ServiceError(str(self._lost))
            try:
                return patiently(
                    lambda: found(*arguments, **named),
                    self._uri,
                    made=lambda: made_already(self._client, name, arguments, named),
                )
            except ServiceError as error:
                # A store on a full or read-only disk says no at once, and can still be read.
                if not isinstance(error.__context__, Exception) or _may_pass(error.__context__):
                    self._lost = error
                raise

        return call


def patiently(
    call: Callable[[], Answer], uri: str, *, made: Callable[[], Answer | None] = lambda: None
) -> Answer:
    """Call a store until it answers, for as long as ``ODDWIRE_SERVICE_TIMEOUT`` says at most.

    A try may take half of that, and none begins in its second half.

    Parameters
    ----------
    made
        Finds what a try made whose answer was lost, so that it is not made twice.

    Raises
    ------
    ServiceError
        If it does not answer, or cannot do its part.
    """
    last, pause = time.monotonic() + service_timeout() / 2, _FIRST_PAUSE
    again = False
    while True:
        try:
            found = made() if again else None
            return call() if found is None else found
        except Exception as error:
            if not _is_outage(error):
                raise
            if not _may_pass(error) or time.monotonic() + pause > last:
                # The library's own text, which a traceback would show, may quote the password.
                raise ServiceError(_failed(uri, error)) from None
        again = True
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _is_outage(error: Exception) -> bool:
    """Whether a server, a database, a disk or the line to them did not do its part."""
    chain = [*_chain(error)]
    # sqlalchemy and requests, by name: importing them here would be for this alone.
    packages = {kind.__module__.partition(".")[0] for one in chain for kind in type(one).__mro__}
    codes = {getattr(one, "error_code", None) for one in chain}
    # MLflow's threads that move files hand on an error of its own as the text of another.
    as_text = isinstance(error, RuntimeError) and "mlflow.exceptions." in str(error)
    return bool(
        packages & {"sqlalchemy", "requests"} or codes & _OUTAGES or as_text
        or _came_in_part(error) or fault_of(error)
    )  # fmt: skip


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Return an error, and those that it was raised from."""
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__


def _came_in_part(error: Exception) -> bool:
    """Whether a server found nothing in a request that held everything: it was cut off."""
    if getattr(error, "error_code", None) != _INVALID:
        return False
    return any(words in str(error) for words in _IN_PART)


def _may_pass(error: Exception) -> bool:
    """Whether an outage may be over in a moment: a disk is not emptied by waiting."""
    fault = fault_of(error)
    if fault:
        return LOCKED in fault
    answered = type(error).__name__ == "RestException" and not _came_in_part(error)
    return not answered or getattr(error, "error_code", None) == "TEMPORARILY_UNAVAILABLE"


def _failed(uri: str, error: Exception) -> str:
    # A library's own text would go on with SQL, and may quote the password.
    why = fault_of(error) or reason(error, uri)
    mend = _MEND if any(words in why for words in _DAMAGED) else ""
    return f"the MLflow store {masked(uri)} failed: {why}{mend}"
