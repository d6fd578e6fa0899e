"""Addresses of stores: checked before MLflow tries them for minutes, shown without a password."""

from __future__ import annotations

import socket
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import url2pathname, urlopen

from oddwire.errors import ParameterError, ServiceError

URI_VARIABLE = "MLFLOW_TRACKING_URI"
_SECONDS_TO_ANSWER = 5.0
_DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_NOT_ALLOWED = {401, 403}


def check_uri(uri: str) -> None:
    """Refuse an address of MLflow's store that cannot be one, or does not answer.

    Raises
    ------
    ParameterError
        If MLflow does not take such an address.
    ServiceError
        If a server does not answer.
    """
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise ParameterError(f"{URI_VARIABLE} is no address, got {uri!r}: {error}") from None
    if parts.scheme in {"http", "https"}:
        _check_answers(uri)
    elif parts.scheme in {"", "file"}:
        folder = url2pathname(parts.path)
        raise ParameterError(
            f"{URI_VARIABLE} is the folder {folder}, and MLflow 3 takes no folder as its store: "
            f"move it with `mlflow migrate-filestore --source {folder} "
            "--target sqlite:///mlruns/mlflow.db`"
        )
    elif parts.hostname:
        _check_port(parts)


def check_place(folder: Path) -> None:
    """Refuse a folder that MLflow's SQLite store would not be made in, but somewhere else.

    SQLAlchemy takes ``?`` for the end of the path and decodes ``%20``; MLflow writes the folder
    that a command runs in into SQL, between single quotes.

    Raises
    ------
    ParameterError
        If the path holds such letters.
    """
    if "?" in str(folder) or unquote(str(folder)) != str(folder):
        raise ParameterError(
            "MLflow cannot keep its store below a folder with '?' or an escape such as %20 in its "
            f"name: move the project, or set {URI_VARIABLE}; got {folder}"
        )
    if "'" in str(Path.cwd()):
        raise ParameterError(
            "MLflow cannot run below a folder with a single quote in its name: work in another "
            f"one, got {Path.cwd()}"
        )


def _check_answers(uri: str) -> None:
    # MLflow itself would try again for minutes.
    address = _with_user(urlsplit(uri), "").rstrip("/")
    try:
        with urlopen(f"{address}/health", timeout=_SECONDS_TO_ANSWER):  # noqa: S310 - http(s) only, see the caller
            return
    except (OSError, ValueError, HTTPException) as error:
        if isinstance(error, HTTPError) and error.code in _NOT_ALLOWED:
            return  # it is there, and MLflow sends the password that this request did not
        raise ServiceError(
            f"the MLflow server {without_password(uri)} of {URI_VARIABLE} does not answer: {error}"
        ) from error


def _check_port(parts: SplitResult) -> None:
    try:
        port = parts.port or _DATABASE_PORTS.get(parts.scheme.partition("+")[0])
        if port is not None:
            socket.create_connection((parts.hostname, port), _SECONDS_TO_ANSWER).close()
    except (OSError, ValueError) as error:  # ValueError: a port that is no number
        raise ServiceError(
            f"the database {without_password(parts.geturl())} of {URI_VARIABLE} does not answer: "
            f"{error}"
        ) from error


def without_password(uri: str) -> str:
    """Return an address as people may see it."""
    parts = urlsplit(uri)
    return uri if parts.password is None else _with_user(parts, f"{parts.username}:***@")


def _with_user(parts: SplitResult, user: str) -> str:
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{user}{host}").geturl()
