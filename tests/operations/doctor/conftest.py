"""Looks at a project of the test's own, and remedies that are run as people run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from oddwire.operations.doctor.examining import by_weight, examine
from oddwire.operations.doctor.ground import Ground
from oddwire.operations.doctor.looks import LOOKS
from oddwire.operations.registry.moving import settle
from oddwire.operations.registry.promotion import PromotionDecision
from oddwire.operations.registry.versions import Registry

YES = PromotionDecision(promote=True, reason="Promoted: it is the first.", checks=())


@pytest.fixture
def look(bare, monkeypatch):
    """A function that looks at the bare project by the names of looks, and returns findings."""
    monkeypatch.setenv("ODDWIRE_PROJECT", str(bare.root))
    monkeypatch.setenv("PREFECT_HOME", str(bare.root.parent / "prefect"))

    def at(*names: str):
        chosen = [look for look in LOOKS if look.name in names]
        assert len(chosen) == len(names)
        return by_weight(examine(chosen, Ground.find()))

    return at


@pytest.fixture
def follow(bare):
    """A function that runs a finding's remedy in a shell, in the project's folder."""

    def run(finding):
        if finding.mend is not None:
            finding.mend()
            return
        bin_ = Path(sys.executable).parent
        env = {**os.environ, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-euc", finding.remedy], cwd=bare.root, env=env, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    return run


@pytest.fixture
def mended(look, follow):
    """A function that asserts that a fault is the one finding, and that its remedy ends it."""

    def check(*names: str, problem: str):
        found = look(*names)
        assert [problem in one.problem for one in found] == [True], found
        follow(found[0])
        assert look(*names) == []
        return found[0]

    return check


@pytest.fixture
def champion(tracking, bare, fitted, make_rows):
    """The small model, registered twice for the source desk and made champion each time."""
    registry = Registry.of(tracking, bare)
    for _ in range(2):
        with tracking.run("desk", "study", kind="study") as run:
            version = registry.register(
                "desk", run, fitted.model, fitted.folder, fitted.digest, make_rows(10)
            )
        settle(registry, version, YES, who="training-7")
    return registry
