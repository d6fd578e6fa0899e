"""MLflow's server as an application, for whoever serves it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

_STORE, _ARTIFACTS = "MLFLOW_BACKEND_STORE_URI", "MLFLOW_ARTIFACTS_DESTINATION"
_ROOT = "mlflow-artifacts:/"  # clients send artifacts to the server


def server_settings(store: str, artifacts: Path) -> dict[str, str]:
    """Return the environment variables that `server_app` reads, as MLflow names them.

    Parameters
    ----------
    store
        URI of the store that is shown.
    artifacts
        Folder of what clients of the server write.
    """
    return {_STORE: store, _ARTIFACTS: str(artifacts)}


def server_app() -> Any:
    """Return MLflow's server as an ASGI application.

    ``mlflow server`` starts uvicorn in a process of its own, which leaves no place for a check of
    who asks.
    """
    from mlflow.server import constants

    store = os.environ[_STORE]
    # Read when the application is imported.
    os.environ |= {
        constants.BACKEND_STORE_URI_ENV_VAR: store,
        constants.REGISTRY_STORE_URI_ENV_VAR: store,
        constants.ARTIFACT_ROOT_ENV_VAR: _ROOT,
        constants.ARTIFACTS_DESTINATION_ENV_VAR: os.environ[_ARTIFACTS],
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
    }
    from mlflow.server.fastapi_app import app
    from mlflow.server.handlers import initialize_backend_stores

    initialize_backend_stores(store, store, _ROOT)
    return app
