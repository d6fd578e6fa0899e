"""Environment variables for other tools, set before they are imported: no telemetry, no noise."""

from __future__ import annotations

import os
import warnings

from oddwire.loopback import bypass_proxies
from oddwire.service_timeout import service_timeout

# Variables that the user has set are left as they are.
QUIET = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "GIT_PYTHON_REFRESH": "quiet",  # MLflow's and DVC's git library warns where git is missing
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # standard output is for JSON
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seven workers that oddwire does not use
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}

# In a terminal, progress bars replace log lines; the Prefect server still keeps the lines.
TERMINAL = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}


# Prefect by itself asks six times, a minute each, and waits longer before each time.
_PREFECT_RETRIES = 3
_BETWEEN_THEM = 1.2 * (2 + 4 + 8)  # seconds, with Prefect's jitter
_LEAST_FOR_RETRIES = 2 * _BETWEEN_THEM


def quiet_tools(*, terminal: bool) -> None:
    """Switch off the telemetry and noise of every tool, for this process and its children.

    Proxies are switched off as well, for servers on this machine.
    """
    bypass_proxies()
    # Lightning 2.6 uses a name that torch 2.13 deprecates. The autoencoder silences this as well,
    # but filters belong to the process, and another thread may restore them.
    warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)`", FutureWarning)
    for name, value in {**QUIET, **(TERMINAL if terminal else {}), **_limits()}.items():
        os.environ.setdefault(name, value)


def _limits() -> dict[str, str]:
    """Return how long and how often Prefect waits for its server."""
    seconds = service_timeout()
    retries = _PREFECT_RETRIES if seconds > _LEAST_FOR_RETRIES else 0
    each = (seconds - _BETWEEN_THEM) / (1 + retries) if retries else seconds
    return {
        "PREFECT_API_REQUEST_TIMEOUT": f"{each:.1f}",
        "PREFECT_CLIENT_MAX_RETRIES": str(retries),
    }
