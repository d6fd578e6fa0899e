"""Plain requests to a Prefect server, with the token that it asks of who changes anything."""

from __future__ import annotations

import uuid

import httpx


def prefect_client(api: str) -> httpx.Client:
    """Return a client of a server's API, ``http://127.0.0.1:…/api``."""
    who = str(uuid.uuid4())
    token = httpx.get(f"{api}/csrf-token", params={"client": who}, timeout=30).json()["token"]
    headers = {"Prefect-Csrf-Client": who, "Prefect-Csrf-Token": token}
    # A socket that is kept open would be told of by Python once the client is forgotten.
    once = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(base_url=api, headers=headers, timeout=30, limits=once)
