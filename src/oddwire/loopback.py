"""Proxies are for other machines: what listens on this one is asked without them."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EVERYTHING = "*"


def bypass_proxies(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let no proxy of the environment apply to this machine, for this process and its children.

    Prefect's, MLflow's and other clients take their proxies from ``http_proxy``, ``HTTPS_PROXY``
    and the like, for local servers too. Hosts that the user excepts stay excepted; of ``no_proxy``
    and ``NO_PROXY`` some libraries read one and some the other, so both get all of them.
    """
    proxies = ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy")
    # Without any, a list of exceptions would hide the proxies of the system's own settings.
    if not any(environment.get(name) or environment.get(name.upper()) for name in proxies):
        return
    given = ",".join(environment.get(name, "") for name in ("no_proxy", "NO_PROXY"))
    hosts = [host.strip() for host in given.split(",") if host.strip()]
    if _EVERYTHING in hosts:
        hosts = [_EVERYTHING]  # which counts only where it stands alone
    else:
        hosts += LOOPBACK
    for name in ("no_proxy", "NO_PROXY"):
        environment[name] = ",".join(dict.fromkeys(hosts))
