"""Versions and their models in a real MLflow registry; a model that was tampered with."""

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
from oddwire.operations.registry.pyfunc import save_pyfunc
from oddwire.operations.registry.versions import CHALLENGER, model_name
from oddwire.operations.tracking.items import Metrics


@pytest.fixture(scope="module")
def packed(tmp_path_factory, fitted, make_rows):
    """The model as a pyfunc on disk."""
    folder = tmp_path_factory.mktemp("packed") / "model"
    save_pyfunc(fitted.model, fitted.folder, make_rows(50, seed=5), folder)
    return folder


def test_a_registered_model_is_a_challenger_that_loads_with_equal_scores(
    registry, register, fitted, make_rows, numbers
):
    version = register()
    assert numbers() == {CHALLENGER: "1"}
    assert registry.version("desk", CHALLENGER) == version
    assert (version.number, version.detector) == ("1", "isolation_forest")
    assert version.digest == fitted.digest
    assert version.number == "1"
    rows = make_rows(50, seed=9)
    pd.testing.assert_frame_equal(
        registry.load(version).score(rows), Model.load(fitted.folder).score(rows)
    )


def test_a_model_may_be_registered_without_the_alias(register, numbers):
    register(challenger=False)
    assert numbers() == {}


def test_without_a_champion_the_error_says_what_to_run(registry, register):
    with pytest.raises(NoModelError, match="no champion for source 'desk' yet: run `oddwire train"):
        registry.champion("desk")
    register()
    assert registry.version("desk") is None
    with pytest.raises(NoModelError):
        registry.champion("desk")


def test_sources_have_champions_of_their_own(registry, register, settled, numbers):
    settled(register("desk"), promote=True)
    register("simulated")
    assert numbers("simulated") == {CHALLENGER: "1"}
    assert model_name("desk") != model_name("simulated")


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


def test_a_version_without_a_digest_was_not_made_by_oddwire(registry, register, settled):
    version = register()
    settled(version, promote=True)
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


# -- the model that MLflow shows ----------------------------------------------------------------


def test_a_version_is_a_model_with_figures_of_the_run_that_made_it(registry, fitted, make_rows):
    client = registry.tracking.client
    with registry.tracking.run("desk", "study", kind="study") as run:
        registry.tracking.log(run, [Metrics({"roc_auc": 0.9, "f1": 0.5, "seconds": 3.0})])
        version = registry.register(
            "desk", run, fitted.model, fitted.folder, fitted.digest, make_rows(10),
            description="It is a forest.",
        )  # fmt: skip
    found = client.get_model_version("oddwire-desk", "1")
    assert found.source == f"models:/{version.model_id}", "the page links to the model by it"
    assert (found.run_id, found.description) == (run, "It is a forest.")
    model = client.get_logged_model(version.model_id)
    assert (str(model.status), model.source_run_id, model.name) == (
        "READY", run, "isolation_forest",
    )  # fmt: skip
    assert {metric.key: metric.value for metric in model.metrics} == {"roc_auc": 0.9, "f1": 0.5}
    assert model.params["detector__n_estimators"] == "10"
    assert json.loads(model.tags["mlflow.modelVersions"]) == [
        {"name": "oddwire-desk", "version": "1"}
    ]
    assert outputs(registry, run) == [version.model_id]
    assert len(client.get_metric_history(run, "roc_auc")) == 1, "no second point in the run's chart"
    assert "MLFLOW_TRACKING_URI" not in os.environ


def outputs(registry, run):
    found = registry.tracking.client.get_run(run).outputs.model_outputs
    return [output.model_id for output in found]


def test_another_run_that_led_to_a_version_shows_it_without_its_files(registry, register, fitted):
    version = register()
    client = registry.tracking.client
    with registry.tracking.run("desk", "again", kind="study") as run:
        registry.tracking.log(run, [Metrics({"roc_auc": 0.9})])
        registry.link(version, run, fitted.model, measured_in=run)
    (model_id,) = outputs(registry, run)
    model = client.get_logged_model(model_id)
    assert model_id != version.model_id
    assert model.source_run_id == run, "the table of runs looks for it"
    assert version.model_id in model.tags["mlflow.note.content"]
    assert '"version": "1"' in model.tags["mlflow.modelVersions"]
    assert client.list_logged_model_artifacts(model_id) == []


def test_a_model_whose_files_cannot_be_kept_is_no_version(registry, register, monkeypatch):
    def full(*_):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(registry.tracking.client._client, "log_model_artifacts", full)
        with pytest.raises(OSError, match="disk full"):
            register()
    experiment = registry.tracking.experiment("desk")
    (model,) = registry.tracking.client.search_logged_models([experiment])
    assert str(model.status) == "FAILED"
    assert register().number == "1"


def test_the_same_model_is_found_again_if_it_still_loads(registry, register, fitted):
    assert registry.same_model("desk", fitted.digest) is None
    version = register()
    assert registry.same_model("desk", fitted.digest) == version
    assert registry.same_model("desk", "0" * 64) is None
    assert registry.same_model("simulated", fitted.digest) is None
    next(stored(registry).glob("*.npy")).unlink()
    assert registry.same_model("desk", fitted.digest) is None


def test_a_version_of_before_there_were_models_still_loads(registry, fitted, make_rows, tmp_path):
    client = registry.tracking.client
    save_pyfunc(fitted.model, fitted.folder, make_rows(10), tmp_path / "model")
    with registry.tracking.run("desk", "study", kind="study") as run:
        registry.tracking.log_folder(run, tmp_path / "model", under="model")
    registry._ensure_model("oddwire-desk", "desk")
    client.create_model_version(
        "oddwire-desk", f"{client.get_run(run).info.artifact_uri}/model", run,
        tags={"manifest_sha256": fitted.digest, "detector": "isolation_forest"},
    )  # fmt: skip
    version = registry.numbered("desk", "1")
    assert version.model_id is None
    rows = make_rows(50, seed=9)
    pd.testing.assert_frame_equal(registry.load(version).score(rows), fitted.model.score(rows))
