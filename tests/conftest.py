"""What all tests share: sample data, small projects, one real Prefect server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from small_projects import REPOSITORY, make_project

from oddwire.cli.environment import quiet_tools
from oddwire.project import Project


def pytest_configure() -> None:
    """Silence telemetry, and look for no project or server of the person who runs the tests."""
    quiet_tools(terminal=True)
    # Machines are shared: how long an example takes says nothing.
    settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("shared")
    for name in ("MLFLOW_TRACKING_URI", "ODDWIRE_OPTUNA_STORAGE", "ODDWIRE_PROJECT"):
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public sample data, which is never committed."""
    default = REPOSITORY.parent / "shared" / "data"
    folder = Path(os.environ.get("ODDWIRE_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no sample data at {folder}; name it with ODDWIRE_SHARED_DATA")
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An untrained project, which is the working directory."""
    made = make_project(tmp_path / "project")
    monkeypatch.chdir(made.root)
    return made


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a real Prefect server that ends with the tests."""
    import prefect.context

    from oddwire.cli.servers import processes

    folder = tmp_path_factory.mktemp("prefect")
    patch = pytest.MonkeyPatch()
    patch.setenv("PREFECT_HOME", str(folder / "home"))
    port = processes.free_port()
    server = processes.start_prefect(Project(folder), port, page=False)
    address = f"http://{processes.HOST}:{port}/api"
    try:
        server.wait_until(f"{address}/health")
        patch.setenv("PREFECT_API_URL", address)
        # Test modules that import flows may have made Prefect read its settings already.
        prefect.context.refresh_global_settings_context()
        yield address
    finally:
        processes.drain_prefect()
        server.end()
        patch.undo()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, prefect_server: str):
    """A project with one training of all three detectors; tests only read it."""
    from flows.training import train
    from oddwire.detection.detectors.autoencoder.detector import AutoencoderDetector

    made = make_project(tmp_path_factory.mktemp("trained") / "project")
    few = {**AutoencoderDetector.defaults, "detector__max_epochs": 10}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ODDWIRE_PROJECT", str(made.root))
        patch.setattr(AutoencoderDetector, "defaults", few)  # else it takes half of the time
        result = train(source="simulated", trials=2)
    return made, result
