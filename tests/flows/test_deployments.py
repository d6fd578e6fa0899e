"""What is served starts, or says in one line why not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import yaml
from small_projects import REPOSITORY

NOBODY = "http://127.0.0.1:1"


@pytest.mark.slow
def test_without_mlflow_it_ends_with_one_line_and_code_2(project):
    """The sources to look at on schedule are those that have a champion, which MLflow knows."""
    params = yaml.safe_load(project.params_file.read_text())
    params["sources"]["second"] = params["sources"]["simulated"]
    project.params_file.write_text(yaml.safe_dump(params))
    environment = {
        **os.environ, "ODDWIRE_PROJECT": str(project.root), "MLFLOW_TRACKING_URI": NOBODY,
        "PREFECT_API_URL": f"{NOBODY}/api", "ODDWIRE_SERVICE_TIMEOUT": "2",
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)]),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "flows.deployments"], cwd=project.root, env=environment,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert lines[-1].startswith("oddwire: error: ")
    assert "MLflow" in lines[-1]
