"""Everything that is looked at on this machine, in order; servers are the command line's."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from importlib import import_module
from typing import cast

from oddwire.operations.doctor.examining import Look
from oddwire.operations.doctor.finding import Fact, Finding
from oddwire.operations.doctor.ground import Ground

_IMPORTS_MLFLOW = 90.0  # seconds: on a busy machine that alone takes half a minute


def _see(module: str, function: str, ground: Ground) -> Iterable[Finding | Fact]:
    # Imported by the look itself: a library that is missing fails one look, not all of them.
    see = getattr(import_module(f"{__package__}.{module}"), function)
    return cast("Iterable[Finding | Fact]", see(ground))


def _look(name: str, module: str, function: str, seconds: float = 60.0) -> Look:
    return Look(name, partial(_see, module, function), seconds)


LOOKS = (
    _look("installation", "installation", "see_installation"),
    _look("settings", "settings", "see_settings"),
    _look("secrets", "settings", "see_secrets"),
    _look("disks", "machine", "see_disks"),
    _look("git", "repository.git", "see_git"),
    _look("DVC", "repository.dvc", "see_dvc"),
    _look("archives", "archives", "see_archives"),
    _look("locks", "locks", "see_locks"),
    _look("leftovers", "leftovers", "see_leftovers"),
    _look("ledger", "stores.promotions", "see_ledger"),
    _look("Optuna's journals", "stores.journals", "see_journals"),
    _look("Evidently's history", "stores.drift_checks", "see_history"),
    _look("unrecorded results", "stores.unrecorded", "see_unrecorded"),
    # The store first: it opens what the looks after it read.
    _look("MLflow's store", "stores.mlflow_store", "see_store", _IMPORTS_MLFLOW),
    _look("MLflow's runs", "stores.runs", "see_runs"),
    _look("champions", "stores.champions", "see_champions"),
    _look("drift", "stores.drift_checks", "see_drift"),
)
