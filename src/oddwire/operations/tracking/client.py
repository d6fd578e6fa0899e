"""A client of MLflow whose failures to reach the store are `ServiceError`."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from oddwire.errors import ServiceError
from oddwire.operations.tracking.addresses import without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient

# What SQLite says of a damaged file. It is never moved: it is all that is known of the models.
_DAMAGED = ("file is not a database", "database disk image is malformed")
_MEND = (
    "; the file is damaged: bring back a copy of it, or try `sqlite3 FILE .recover`; moved away, "
    "a new one is begun without any run or model"
)
_OUTAGES = {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE"}


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
    from mlflow import MlflowClient

    # "Creating initial MLflow database tables..." tells a user of oddwire nothing.
    for name in ("mlflow.store.db.utils", "alembic", "mlflow.pyfunc"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
    except Exception as error:  # SQLAlchemy's and the drivers' own errors pass through MLflow
        raise ServiceError(_failed(uri, error)) from error
    return cast("MlflowClient", _Watched(client, uri))


class _Watched:
    """An `MlflowClient` whose failures to reach the store are `ServiceError`.

    What MLflow itself answers, such as that there is no such run, passes through.
    """

    def __init__(self, client: MlflowClient, uri: str) -> None:
        self._client, self._uri = client, uri

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the client, a method as one that translates errors."""
        found = getattr(self._client, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            with outages_of(self._uri):
                return found(*arguments, **named)

        return call


@contextmanager
def outages_of(uri: str) -> Iterator[None]:
    """Turn failures to reach a store into `ServiceError`; all other errors pass through."""
    try:
        yield
    except Exception as error:
        if _is_outage(error):
            raise ServiceError(_failed(uri, error)) from error
        raise


def _is_outage(error: Exception) -> bool:
    """Whether a server or database did not do its part."""
    # sqlalchemy and requests, by name: importing them here would be for this alone.
    packages = {
        kind.__module__.partition(".")[0]
        for one in (error, error.__cause__)
        for kind in type(one).__mro__
    }
    code = getattr(error, "error_code", None)
    return bool(packages & {"sqlalchemy", "requests"}) or code in _OUTAGES


def _failed(uri: str, error: Exception) -> str:
    shown = without_password(uri)
    reason = str(error).strip().partition("\n")[0].replace(uri, shown)
    mend = _MEND if any(words in reason for words in _DAMAGED) else ""
    return f"the MLflow store {shown} failed: {reason}{mend}"
