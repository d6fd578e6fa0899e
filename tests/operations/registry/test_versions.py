"""Versions, aliases and the ledger in a real MLflow registry; a model that was tampered with."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd
import pytest
import yaml

from oddwire.cli.servers.processes import HOST, answers, free_port
from oddwire.detection.model import Model
from oddwire.errors import ModelError, NoModelError, ServiceError
from oddwire.operations.registry.moving import settle
from oddwire.operations.registry.promotion import Check, PromotionDecision
from oddwire.operations.registry.pyfunc import save_pyfunc
from oddwire.operations.registry.versions import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    Registry,
    model_name,
)

YES = PromotionDecision(promote=True, reason="Promoted: it is the first.", checks=())
WORSE = Check(name="better", passed=False, figure=-0.1, limit=0.0, note="it is worse")
NO = PromotionDecision(promote=False, reason="Refused: it is worse.", checks=(WORSE,))


@pytest.fixture
def registry(tracking, bare):
    return Registry.of(tracking, bare)


@pytest.fixture
def register(registry, fitted, make_rows):
    """Return a function that registers the small model once more."""

    def one(source="desk", **options):
        with registry.tracking.run(source, "study", kind="study") as run:
            return registry.register(
                source, run, fitted.model, fitted.folder, fitted.digest, make_rows(10), **options
            )

    return one


@pytest.fixture(scope="module")
def packed(tmp_path_factory, fitted, make_rows):
    """The model as a pyfunc on disk."""
    folder = tmp_path_factory.mktemp("packed") / "model"
    save_pyfunc(fitted.model, fitted.folder, make_rows(50, seed=5), folder)
    return folder


def numbers(registry, source="desk"):
    found = {alias: registry.version(source, alias) for alias in (CHAMPION, CHALLENGER, PREVIOUS)}
    return {alias: version.number for alias, version in found.items() if version}


def settled(registry, version, decision):
    settle(registry, version, decision, who="a test")


def ledger(registry):
    return [json.loads(line) for line in registry.ledger.read_text().splitlines()]


def test_a_registered_model_is_a_challenger_that_loads_with_equal_scores(
    registry, register, fitted, make_rows
):
    version = register()
    assert numbers(registry) == {CHALLENGER: "1"}
    assert registry.version("desk", CHALLENGER) == version
    assert (version.number, version.detector) == ("1", "isolation_forest")
    assert version.digest == fitted.digest
    assert version.number == "1"
    rows = make_rows(50, seed=9)
    pd.testing.assert_frame_equal(
        registry.load(version).score(rows), Model.load(fitted.folder).score(rows)
    )


def test_a_model_may_be_registered_without_the_alias(registry, register):
    register(challenger=False)
    assert numbers(registry) == {}


def test_without_a_champion_the_error_says_what_to_run(registry, register):
    with pytest.raises(NoModelError, match="no champion for source 'desk' yet: run `oddwire train"):
        registry.champion("desk")
    register()
    assert registry.version("desk") is None
    with pytest.raises(NoModelError):
        registry.champion("desk")


def test_a_promoted_challenger_is_champion_and_the_old_one_can_be_found(registry, register):
    settled(registry, register(), YES)
    assert numbers(registry) == {CHAMPION: "1"}
    settled(registry, register(), YES)
    assert numbers(registry) == {CHAMPION: "2", PREVIOUS: "1"}
    settled(registry, register(), YES)
    assert numbers(registry) == {CHAMPION: "3", PREVIOUS: "2"}
    assert registry.champion("desk").number == "3"


def test_a_refused_challenger_changes_no_champion_and_keeps_its_reason(registry, register):
    settled(registry, register(), YES)
    refused = register()
    settled(registry, refused, NO)
    assert numbers(registry) == {CHAMPION: "1", CHALLENGER: "2"}
    tags = registry.tracking.client.get_model_version("oddwire-desk", refused.number).tags
    assert (tags["promotion"], tags["promotion_reason"]) == ("refused", NO.reason)


def test_promoting_the_champion_again_makes_it_not_its_own_predecessor(registry, register):
    version = register()
    settled(registry, version, YES)
    settled(registry, version, YES)
    assert numbers(registry) == {CHAMPION: "1"}


def test_sources_have_champions_of_their_own(registry, register):
    settled(registry, register("desk"), YES)
    register("simulated")
    assert numbers(registry, "simulated") == {CHALLENGER: "1"}
    assert model_name("desk") != model_name("simulated")


def test_the_ledger_says_what_was_decided_and_only_grows(registry, register, fitted):
    first = register()
    settled(registry, first, YES)
    before = registry.ledger.read_bytes()
    settled(registry, register(), NO)
    assert registry.ledger.read_bytes().startswith(before)
    entries = ledger(registry)
    assert [entry["action"] for entry in entries] == ["promoted", "refused"]
    assert entries[0]["version"] == "1"
    assert entries[0]["run_id"] == first.run_id
    assert entries[0]["manifest_sha256"] == fitted.digest
    assert entries[1]["reason"] == NO.reason
    assert entries[1]["time"].endswith("+00:00")


WRITER = """
import sys
from pathlib import Path
from oddwire.operations.registry import ledger

print("ready", flush=True)
sys.stdin.readline()
for number in range(100):
    entry = {"version": str(number), "reason": sys.argv[2] * 4000}
    ledger.append(Path(sys.argv[1]), entry)
"""


@pytest.mark.slow
def test_lines_of_two_processes_do_not_mix(tmp_path):
    file = tmp_path / "deep" / "promotions.jsonl"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(file), letter],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for letter in "ab"
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        with writer:
            pass
        assert writer.returncode == 0
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(entries) == 200
    for letter in "ab":
        mine = [entry for entry in entries if entry["reason"] == letter * 4000]
        assert [entry["version"] for entry in mine] == [str(number) for number in range(100)]


def stored(registry):
    """Return the model folder as it lies in the store."""
    (manifest,) = registry.tracking.artifacts.rglob("oddwire_model/manifest.json")
    return manifest.parent


@pytest.mark.parametrize("how", ["altered", "removed", "added", "manifest"])
def test_a_model_tampered_with_in_the_store_does_not_load(registry, register, how):
    version = register()
    folder = stored(registry)
    victim = next(file for file in sorted(folder.iterdir()) if file.name != "manifest.json")
    if how == "altered":
        content = bytearray(victim.read_bytes())
        content[len(content) // 2] ^= 1
        victim.write_bytes(content)
    elif how == "removed":
        victim.unlink()
    elif how == "added":
        (folder / "extra.json").write_text("{}")
    else:
        manifest = folder / "manifest.json"
        manifest.write_text(manifest.read_text() + " ")
    with pytest.raises(ModelError, match=r"^oddwire-desk version 1/"):
        registry.load(version)


def test_another_model_put_in_its_place_does_not_load(registry, register, tmp_path, make_rows):
    version = register()
    folder = stored(registry)
    model = Model.load(folder)
    model.calibrate(make_rows(100, seed=77, attacks=0))  # a threshold to an intruder's liking
    for file in folder.iterdir():
        file.unlink()
    model.save(tmp_path / "other")
    for file in (tmp_path / "other").iterdir():
        file.rename(folder / file.name)
    Model.load(folder)  # whole in itself
    with pytest.raises(ModelError):
        registry.load(version)


def test_a_version_without_a_digest_was_not_made_by_oddwire(registry, register):
    version = register()
    settled(registry, version, YES)
    registry.tracking.client.delete_model_version_tag("oddwire-desk", "1", "manifest_sha256")
    with pytest.raises(ModelError, match="version 1 of oddwire-desk has no manifest_sha256 tag"):
        registry.champion("desk")


def test_a_store_that_breaks_is_no_missing_champion(registry):
    assert registry.version("desk") is None
    with closing(sqlite3.connect(registry.tracking.uri.removeprefix("sqlite:///"))) as store:
        store.execute("ALTER TABLE registered_models RENAME TO lost")
        store.commit()
    with pytest.raises(ServiceError, match="no such table"):
        registry.version("desk")
    with pytest.raises(ServiceError, match="no such table"):
        registry._ensure_model("oddwire-desk", "desk")


def test_nothing_in_the_packed_model_is_pickled(packed):
    files = [file for file in packed.rglob("*") if file.is_file()]
    names = " ".join(str(file.relative_to(packed)) for file in files).lower()
    assert files
    for word in (".pkl", ".pickle", "cloudpickle", ".joblib", "python_model"):
        assert word not in names
    for file in files:
        assert file.read_bytes()[:1] != b"\x80", f"{file.name} begins as a pickle does"
    content = yaml.safe_load((packed / "MLmodel").read_text())
    assert (
        content["flavors"]["python_function"]["loader_module"]
        == "oddwire.operations.registry.pyfunc"
    )
    assert "python_model" not in content["flavors"]["python_function"]


def test_the_packed_model_has_signature_example_and_pinned_packages(packed):
    from mlflow.models import Model as Packed

    signature = Packed.load(packed).signature
    kinds = {column.name: column.type.name for column in signature.inputs}
    assert kinds == {
        "src_bytes": "double", "duration": "double", "dst_packets": "double", "proto": "string",
    }  # fmt: skip
    outputs = [column.name for column in signature.outputs]
    assert outputs == ["anomaly_score", "p_value", "extrapolated", "alert"]
    example = json.loads((packed / "input_example.json").read_text())
    assert len(example["data"]) == 5
    assert set(example["columns"]) == set(kinds), "labels are no part of what is sent"
    pinned = (packed / "requirements.txt").read_text()
    assert "scikit-learn==" in pinned
    assert "torch==" in pinned


def test_rows_with_holes_pass_the_signature(packed, make_rows, fitted):
    import mlflow

    rows = make_rows(6, seed=8, attacks=0).drop(columns=["label", "attack"])
    rows.loc[0, "src_bytes"] = np.nan
    rows.loc[1, "src_bytes"] = np.inf
    rows.loc[2, "proto"] = None
    rows.loc[3, "proto"] = "never seen"
    answer = mlflow.pyfunc.load_model(str(packed)).predict(rows)
    pd.testing.assert_frame_equal(answer, Model.load(fitted.folder).score(rows))


@contextmanager
def serving(uri, port, environment, log):
    """Run `mlflow models serve` until the test is over."""
    here = Path(sys.executable).parent  # MLflow starts uvicorn by its name
    command = ["mlflow", "models", "serve", "-m", uri, "-h", HOST, "-p", str(port)]
    server = subprocess.Popen(
        [sys.executable, "-m", *command, "--env-manager", "local", "--workers", "1"],
        env={**os.environ, "PATH": f"{here}{os.pathsep}{os.environ['PATH']}", **environment},
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 90
        while not answers(f"http://{HOST}:{port}/ping"):
            assert server.poll() is None, Path(log.name).read_text()
            assert time.monotonic() < deadline, Path(log.name).read_text()
            time.sleep(0.2)
        yield
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


@pytest.mark.slow
def test_mlflow_serves_the_registered_model(registry, register, tmp_path):
    version = register()
    with registry.files(version) as folder:
        example = json.loads((folder.parents[1] / "input_example.json").read_text())
        rows = pd.DataFrame(**example)
        expected = registry.load(version).score(rows)
    port = free_port()
    environment = {"MLFLOW_TRACKING_URI": registry.tracking.uri}
    with (
        (tmp_path / "log.txt").open("wb") as log,
        serving("models:/oddwire-desk/1", port, environment, log),
    ):
        body = json.dumps({"dataframe_split": example}).encode()
        request = Request(
            f"http://{HOST}:{port}/invocations", body, {"Content-Type": "application/json"}
        )
        with urlopen(request, timeout=60) as reply:  # noqa: S310 - the same
            answer = pd.DataFrame(json.load(reply)["predictions"])
    pd.testing.assert_frame_equal(answer, expected, check_exact=True)
