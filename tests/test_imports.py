"""Importing oddwire is light and does nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "pytorch_lightning", "mlflow", "prefect", "optuna", "evidently", "sklearn",
         "pandas", "matplotlib", "numba")  # fmt: skip

LIGHT = f"""
import sys, json
import oddwire
package = sorted(set({HEAVY!r}) & set(sys.modules))
from oddwire.cli import main
sys.argv = ["oddwire", "--help"]
try:
    main()
except SystemExit as ended:
    code = ended.code
print(json.dumps([package, sorted(set({HEAVY!r}) & set(sys.modules)), code]))
"""

# What heavy libraries do when *they* are imported is theirs, so they are imported before.
EVERY = """
import sys, os, json, logging, importlib, pkgutil
import mlflow, prefect, optuna, evidently, torch, pytorch_lightning, sklearn, matplotlib.pyplot
import numba, skops.io, pooch, dvc, typer, rich, psutil, yaml, scipy.stats, sqlalchemy
from evidently import Report
import prefect.client.schemas.objects, prefect.deployments.runner, prefect.schedules

def state():
    names = [None, "oddwire", "flows", *logging.root.manager.loggerDict]
    loggers = {str(n): logging.getLogger(n) for n in names}
    handlers = {n: (l.level, len(l.handlers), l.propagate, l.disabled) for n, l in loggers.items()}
    return handlers, dict(os.environ)

log, env = state()
import oddwire, flows
modules = [m.name for p in (oddwire, flows) for m in pkgutil.walk_packages(p.__path__, p.__name__ + ".")]
for name in modules:
    importlib.import_module(name)
log_after, env_after = state()
changed = {n: (log[n], log_after[n]) for n in log if log[n] != log_after[n]}
ours = {n: s for n, s in log_after.items() if n.split(".")[0] in {"oddwire", "flows"} and s[:2] != (0, 0)}
print(json.dumps([len(modules), changed, ours, env == env_after, sorted(os.listdir("."))]))
"""  # noqa: E501 - a program of its own


def run(program, folder):
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def test_the_package_and_its_help_import_nothing_heavy(tmp_path):
    package, command_line, code = run(LIGHT, tmp_path)
    assert package == []
    assert command_line == []
    assert code == 0


@pytest.mark.slow
def test_importing_every_module_writes_nothing_and_configures_nothing(tmp_path):
    modules, changed, ours, same_environment, files = run(EVERY, tmp_path)
    assert modules > 40
    assert changed == {}
    assert ours == {}
    assert same_environment
    assert files == []
