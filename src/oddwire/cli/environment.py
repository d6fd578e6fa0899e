"""The environment that other tools see: no telemetry, no noise. Set before they are imported."""

from __future__ import annotations

import os
import warnings

# A person who sets one of these is obeyed.
QUIET = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seven workers that oddwire has no use for
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}

# In a terminal the progress bars say what log lines would; the server keeps those all the same.
TERMINAL = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}


def quiet_tools(*, terminal: bool) -> None:
    """Switch off telemetry and noise of every tool, for this process and its children."""
    # Lightning 2.6 uses a name that torch 2.13 calls deprecated. The autoencoder silences it where
    # it arises, but warning filters belong to the process: another thread may put them back.
    warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)`", FutureWarning)
    for name, value in {**QUIET, **(TERMINAL if terminal else {})}.items():
        os.environ.setdefault(name, value)
