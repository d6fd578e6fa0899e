"""The drift report: Evidently's page with our figures, safe whatever an attacker named."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from oddwire.operations.drift.report import check_drift, save_report
from oddwire.params import DriftSettings
from oddwire.traffic.schema import FeatureSchema

HOSTILE = "</script><script>alert('x')</script>"
HOSTILE_NAME = '<img src="//evil.example/x" onerror=alert(1)>'
SCHEMA = FeatureSchema(("f0", "f1", HOSTILE_NAME), ("service",))


def traffic(*, seed: int, factor: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    numbers = np.exp(rng.normal(5, 1.5, (600, 3)))
    numbers[:, 0] *= factor
    frame = pd.DataFrame(numbers, columns=list(SCHEMA.numeric))
    return frame.assign(service=rng.choice(["http", "dns", HOSTILE], 600))


@pytest.fixture(scope="module")
def hostile_report(tmp_path_factory):
    """A report over columns and categories that an attacker named."""
    before, now = traffic(seed=1, factor=1), traffic(seed=2, factor=3)
    before.loc[::9, "f1"] = np.nan
    now.loc[::9, "f1"] = np.inf
    scores = {"reference_scores": np.arange(600.0), "current_scores": np.arange(600.0)}
    found = check_drift(before, now, SCHEMA, settings=DriftSettings(), seed=0, **scores)
    return found, save_report(found, tmp_path_factory.mktemp("report") / "new")


def test_the_report_holds_our_statistics_and_flags(hostile_report):
    found, paths = hostile_report
    metrics = json.loads(paths["json"].read_text(encoding="utf-8"))["metrics"]
    drifted = next(m for m in metrics if m["config"]["type"].endswith("DriftedColumnsCount"))
    ours = {one.statistic: one.threshold for one in found.columns}
    theirs = {
        m["value"]: m["config"]["threshold"]
        for m in metrics
        if m["config"]["type"].endswith("ValueDrift")
    }
    assert theirs == ours
    assert drifted["value"]["count"] == sum(one.drifted for one in found.columns) > 0


def test_hostile_names_are_harmless_in_the_report(hostile_report):
    _, paths = hostile_report
    page = paths["html"].read_text(encoding="utf-8")
    assert HOSTILE not in page
    assert HOSTILE.replace("'", "\\'") not in page
    assert "</script><script>alert" not in page
    assert "<img src=" not in page.split("<script>")[1]
    assert "\\u203aalert" in page, "the category itself is still shown"
    assert "onerror=alert(1)\\u203a" in page, "and so is the column"


def test_the_report_fetches_nothing(hostile_report):
    _, paths = hostile_report
    page = paths["html"].read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert not re.search(
        r"<(script|link|img|iframe)[^>]*\s(src|href)\s*=\s*[\"']?(https?:)?//", page
    )
    assert "evil.example" not in page or "<img" not in page.split("</script>")[0]


def test_importing_the_check_loads_no_evidently_and_the_report_no_telemetry():
    code = (
        "import os, sys, oddwire.operations.drift.report as d;"
        "assert 'evidently' not in sys.modules;"
        "d._evidently(); from evidently.telemetry import event_logger as e;"
        "assert os.environ['DO_NOT_TRACK']; assert not e.is_enabled()"
    )
    environment = {k: v for k, v in os.environ.items() if k != "DO_NOT_TRACK"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_columns_that_never_change_make_no_warning(tmp_path):
    before, now = (traffic(seed=seed, factor=1).assign(f1=0.0) for seed in (1, 2))
    scores = {"reference_scores": np.arange(600.0), "current_scores": np.arange(600.0)}
    found = check_drift(before, now, SCHEMA, settings=DriftSettings(), seed=0, **scores)
    assert save_report(found, tmp_path)["html"].is_file()
