"""Packages that are missing, too old, half removed, or not the tested ones."""

from __future__ import annotations

import sys
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from oddwire.operations.doctor import installation


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of which a file is gone."""
    place = tmp_path / "packages"
    info = place / "halfgone-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: halfgone\nVersion: 1.0\n")
    (info / "RECORD").write_text("halfgone/__init__.py,,\nhalfgone/tests/a.py,,\n")
    monkeypatch.syspath_prepend(place)
    return place / "halfgone"


def asked(monkeypatch, *texts):
    found = [Requirement(text) for text in texts]
    monkeypatch.setattr(installation, "requirements", lambda: found)


def test_the_requirements_are_those_of_oddwire():
    names = {requirement.name for requirement in installation.requirements()}
    assert {"mlflow", "prefect", "dvc", "evidently", "optuna"} <= names
    assert not names & {"pytest", "pyod"}  # extras


def test_a_package_that_is_missing_and_one_that_is_too_old(look, monkeypatch):
    asked(monkeypatch, "nothing-of-the-kind>=2", "numpy>=99")
    missing, old = look("installation")
    assert missing.problem == "is not installed; oddwire needs nothing-of-the-kind>=2"
    assert missing.remedy == f"{sys.executable} -m pip install 'nothing-of-the-kind>=2'"
    assert old.problem == f"must be >=99, got {metadata.version('numpy')}"


def test_a_package_that_is_half_removed(look, monkeypatch, package):
    asked(monkeypatch, "halfgone")
    (found,) = look("installation")
    assert found.problem == "1 of its files are gone, such as halfgone/__init__.py"
    assert found.remedy.endswith("pip install --force-reinstall --no-deps halfgone==1.0")
    package.mkdir()
    (package / "__init__.py").touch()
    installation._names_in.cache_clear()
    assert look("installation") == []


def test_versions_that_were_not_tested(bare, look, monkeypatch, package):
    asked(monkeypatch)
    (bare.root / "constraints.txt").write_text("# pinned\nhalfgone==2.0  # why\nnot-here==1\n")
    (found,) = look("installation")
    assert found.severity == "warning"
    assert found.problem.endswith("tested with: halfgone 1.0 (tested: ==2.0)")
    assert found.remedy == f"{sys.executable} -m pip install halfgone==2.0"


def test_a_library_that_is_missing_fails_no_other_look(bare, look, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setitem(sys.modules, "mlflow.store.db.utils", None)
    (found,) = look("MLflow's store", "champions", "settings", "ledger")
    assert found.subject == "MLflow's store"
    assert "could not be looked at: ModuleNotFoundError" in found.problem
