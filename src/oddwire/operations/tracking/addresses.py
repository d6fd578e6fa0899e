"""The address of MLflow's store: checked before MLflow tries it for minutes."""

from __future__ import annotations

import os
import re
import socket
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import url2pathname, urlopen

from oddwire.errors import ParameterError, ServiceError
from oddwire.masking import masked, parses, reason
from oddwire.project import Project

URI_VARIABLE = "MLFLOW_TRACKING_URI"
_SECONDS_TO_ANSWER = 5.0
_DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_NOT_ALLOWED = {401, 403}
_PLAIN_PATH = re.compile(r"[\w./~ -]+")  # nothing that parts a password from the rest


def local_uri(project: Project) -> str:
    """Return the address of the project's own store."""
    return f"sqlite:///{project.mlruns / 'mlflow.db'}"


def store_uri(project: Project) -> str:
    """Return the address of the store that ``MLFLOW_TRACKING_URI`` names, or the project's own.

    The path of a SQLite file counts from the project, wherever the command runs.
    """
    uri = os.environ.get(URI_VARIABLE) or local_uri(project)
    scheme, found, path = uri.partition(":///")
    return f"{scheme}:///{project.root / path}" if found and scheme == "sqlite" else uri


def check_uri(uri: str) -> None:
    """Refuse an address of MLflow's store that cannot be one, or does not answer.

    Raises
    ------
    ParameterError
        If MLflow does not take such an address.
    ServiceError
        If a server does not answer.
    """
    _refuse_a_folder(uri)
    if not parses(uri):
        raise ParameterError(not_an_address(URI_VARIABLE, uri))
    parts = urlsplit(uri)
    if parts.scheme in {"http", "https"}:
        _check_answers(uri)
    elif parts.hostname:
        _check_port(parts)


def not_an_address(variable: str, uri: str) -> str:
    """Say that a variable holds no address, without what it holds."""
    return (
        f"{variable} is no address, got {masked(uri)}: in a user or password, write signs "
        "such as : / ? # [ ] @ by their numbers (%3A %2F %3F %23 %5B %5D %40)"
    )


def _refuse_a_folder(uri: str) -> None:
    if parses(uri) and uri.startswith("file:"):
        folder = url2pathname(urlsplit(uri).path)
    elif _PLAIN_PATH.fullmatch(uri):
        folder = uri
    else:
        return
    raise ParameterError(
        f"{URI_VARIABLE} is the folder {folder}, and MLflow 3 takes no folder as its store: "
        f"move it with `mlflow migrate-filestore --source {folder} "
        "--target sqlite:///mlruns/mlflow.db`"
    )


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
    address = bare(uri).rstrip("/")
    try:
        with urlopen(f"{address}/health", timeout=_SECONDS_TO_ANSWER):  # noqa: S310 - http(s) only, see the caller
            return
    except (OSError, ValueError, HTTPException) as error:
        if isinstance(error, HTTPError) and error.code in _NOT_ALLOWED:
            return  # it is there, and MLflow sends the password that this request did not
        raise ServiceError(
            f"the MLflow server {masked(uri)} of {URI_VARIABLE} does not answer: "
            f"{reason(error, uri)}"
        ) from None


def _check_port(parts: SplitResult) -> None:
    try:
        port = parts.port or _DATABASE_PORTS.get(parts.scheme.partition("+")[0])
        if port is not None:
            socket.create_connection((parts.hostname, port), _SECONDS_TO_ANSWER).close()
    except (OSError, ValueError) as error:  # ValueError: a port that is no number
        uri = parts.geturl()
        raise ServiceError(
            f"the database {masked(uri)} of {URI_VARIABLE} does not answer: {reason(error, uri)}"
        ) from None


def bare(uri: str) -> str:
    """Return a server's address as a link to it may have it: without user, query and fragment."""
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()
