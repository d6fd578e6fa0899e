"""A loaded model is the saved one to the last bit, and a tampered one is refused."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import shutil
import subprocess
import sys
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LinearRegression
from small_models import QUICK, SCHEMA, extreme_rows, rows, trained

from oddwire.detection.model import Model
from oddwire.detection.persistence.estimators import dump_estimator
from oddwire.errors import ModelError
from oddwire.traffic.schema import FeatureSchema

ANY_ROWS = pd.concat([rows(200, seed=2), extreme_rows()], ignore_index=True)


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp(model.detector_name) / "model"
    return model, folder, model.save(folder)


@pytest.fixture(scope="module")
def saved_forest(forest, tmp_path_factory):
    folder = tmp_path_factory.mktemp("forest") / "model"
    return folder, forest.save(folder)


@pytest.fixture
def copy(saved_forest, tmp_path):
    """A folder of a saved forest that a test may damage, and its digest."""
    folder, digest = saved_forest
    return shutil.copytree(folder, tmp_path / "copy"), digest


def renew_manifest(folder):
    """Do what an attacker does who can write the folder: renew the manifest."""
    hashes = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    (folder / "manifest.json").write_text(json.dumps({"files": hashes}))


# -- the same model again -----------------------------------------------------------------------


def test_a_loaded_model_gives_the_same_bits(saved):
    model, folder, digest = saved
    loaded = Model.load(folder, digest=digest)
    pd.testing.assert_frame_equal(loaded.score(ANY_ROWS), model.score(ANY_ROWS), check_exact=True)
    assert loaded.threshold == model.threshold
    scores = model.anomaly_score(ANY_ROWS)
    units, as_saved = loaded.unit_calibration, model.unit_calibration
    np.testing.assert_array_equal(units.p_values(scores), as_saved.p_values(scores))
    assert units.to_dict() == as_saved.to_dict()
    assert loaded.benign_alarms is None, "which holds addresses"
    for name in ("schema", "detector_name", "hyperparameters", "seed", "alert_p_value", "metadata"):
        assert getattr(loaded, name) == getattr(model, name)


def test_the_same_training_once_more_gives_the_same_digest(saved, tmp_path):
    model, _, digest = saved
    settings = {"alert_p_value": model.alert_p_value, "metadata": model.metadata}
    again = trained(model.detector_name, **settings)
    assert again.save(tmp_path / "again") == digest


@pytest.mark.slow
def test_models_loaded_in_another_process_give_the_same_bits(forest, tmp_path):
    """One that is a skops file, and one that is safetensors."""
    extreme_rows().to_parquet(tmp_path / "rows.parquet")
    frame = pd.read_parquet(tmp_path / "rows.parquet")
    expected = []
    for model in (forest, trained("autoencoder")):
        model.save(tmp_path / model.detector_name)
        expected.append(model.score(frame).to_numpy(dtype=float).tobytes().hex())
    code = (
        "import sys, pandas as pd; from pathlib import Path\n"
        "from oddwire.detection.model import Model\n"
        "frame = pd.read_parquet(Path(sys.argv[1]) / 'rows.parquet')\n"
        "for name in sys.argv[2:]:\n"
        "    scores = Model.load(Path(sys.argv[1]) / name).score(frame)\n"
        "    print(scores.to_numpy(dtype=float).tobytes().hex())"
    )
    command = [sys.executable, "-c", code, tmp_path, "isolation_forest", "autoencoder"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == expected


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("one_class_svm", {"detector__approximation": "nystroem", "detector__n_components": 50}),
        ("isolation_forest", {"detector__n_estimators": 20, "detector__max_features": 0.5}),
        ("isolation_forest", {"preprocessing__max_categories": 1, "detector__n_estimators": 5}),
    ],
)
@pytest.mark.parametrize("transform", ["standard", "quantile_normal"])
def test_other_hyperparameters_come_back_to_the_same_bits_too(name, params, transform, tmp_path):
    model = trained(name, {**params, "preprocessing__transform": transform})
    model.save(tmp_path / "model")
    loaded = Model.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.anomaly_score(ANY_ROWS), model.anomaly_score(ANY_ROWS))


def test_a_model_without_calibration_is_saved_without(tmp_path):
    model = Model.build(SCHEMA, "isolation_forest", QUICK["isolation_forest"], seed=0).fit(rows())
    model.save(tmp_path / "model")
    assert Model.load(tmp_path / "model").calibration is None
    assert not (tmp_path / "model" / "calibration.npy").exists()


def test_hyperparameters_of_numpy_types_are_saved_as_numbers(tmp_path):
    params = {"detector__n_estimators": np.int64(5), "detector__max_features": np.float64(0.5)}
    trained("isolation_forest", params).save(tmp_path / "model")
    assert Model.load(tmp_path / "model").hyperparameters["detector__max_features"] == 0.5


def test_a_model_that_is_not_fitted_is_not_saved(tmp_path):
    with pytest.raises(ModelError, match="must be fitted before it is saved"):
        Model.build(SCHEMA, "isolation_forest", seed=0).save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_no_file_of_a_model_is_a_pickle(saved):
    _, folder, _ = saved
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    assert {Path(name).suffix for name in names} <= {".json", ".skops", ".npy", ".safetensors"}
    for path in folder.glob("*.skops"):
        with zipfile.ZipFile(path) as archive:
            inside = {Path(name).suffix for name in archive.namelist()}
        assert inside <= {".json", ".npy", ".npz"}
    np.load(folder / "calibration.npy", allow_pickle=False)


# -- tampering ----------------------------------------------------------------------------------


def test_the_digest_is_that_of_the_manifest(saved):
    _, folder, digest = saved
    assert digest == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


def test_one_flipped_bit_in_any_file_is_found(saved, tmp_path):
    _, folder, digest = saved
    names = [p.relative_to(folder) for p in folder.rglob("*") if p.is_file()]
    assert len(names) >= 5
    for name in names:
        copied = shutil.copytree(folder, tmp_path / "copy", dirs_exist_ok=True)
        content = bytearray((copied / name).read_bytes())
        content[len(content) // 2] ^= 1
        (copied / name).write_bytes(content)
        with pytest.raises(ModelError, match=rf"{name.name} was altered"):
            Model.load(copied, digest=digest)


def test_a_missing_file_is_named(saved, tmp_path):
    _, folder, _ = saved
    for name in [p.relative_to(folder) for p in folder.rglob("*") if p.is_file()]:
        copied = shutil.copytree(folder, tmp_path / "copy", dirs_exist_ok=True)
        (copied / name).unlink()
        with pytest.raises(ModelError, match=name.name):
            Model.load(copied)


@pytest.mark.parametrize("name", ["extra.txt", "detector/extra.txt", ".hidden"])
def test_an_extra_file_is_named(copy, name):
    folder, _ = copy
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("hello")
    with pytest.raises(ModelError, match=f"{name} is extra"):
        Model.load(folder)


def test_a_link_is_refused_wherever_it_leads(copy, tmp_path):
    folder, _ = copy
    (folder / "model.json").rename(tmp_path / "model.json")
    (folder / "model.json").symlink_to(tmp_path / "model.json")
    with pytest.raises(ModelError, match=r"model.json is a link"):
        Model.load(folder)


def test_a_renewed_manifest_is_found_by_its_digest(copy):
    folder, digest = copy
    about = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**about, "alert_p_value": 0.9}))
    renew_manifest(folder)
    assert Model.load(folder).alert_p_value == 0.9
    with pytest.raises(ModelError, match=rf"manifest.json was altered: .* must be {digest}"):
        Model.load(folder, digest=digest)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"files": 3}', "[" * 100_000, "\0"])
def test_a_manifest_that_is_none_is_refused(copy, content):
    folder, _ = copy
    (folder / "manifest.json").write_text(content)
    with pytest.raises(ModelError, match=r"manifest.json"):
        Model.load(folder)


def test_a_folder_without_a_model_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ModelError, match=r"is not a saved model: it has no manifest.json"):
            Model.load(folder)


class Trap:
    """Runs when it is unpickled."""

    def __init__(self, file):
        self.file = str(file)

    def __reduce__(self):
        return (open, (self.file, "w"))


@pytest.mark.parametrize("name", ["detector.skops", "preprocessing.skops", "calibration.npy"])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_pickle_in_place_of_a_file_is_refused_and_never_run(copy, tmp_path, name, zipped):
    folder, _ = copy
    content = pickle.dumps(Trap(tmp_path / "sprung"))
    if zipped:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("schema.json", content)
        content = buffer.getvalue()
    (folder / name).write_bytes(content)
    renew_manifest(folder)
    with pytest.raises(ModelError, match=name):
        Model.load(folder)
    assert not (tmp_path / "sprung").exists()


def test_an_array_of_pickled_objects_is_refused_and_never_run(copy, tmp_path):
    folder, _ = copy
    trap = np.array([Trap(tmp_path / "sprung")], dtype=object)
    np.save(folder / "calibration.npy", trap, allow_pickle=True)
    renew_manifest(folder)
    with pytest.raises(ModelError, match=r"calibration.npy is not an array"):
        Model.load(folder)
    assert not (tmp_path / "sprung").exists()


def test_an_untrusted_type_is_named_and_never_built(copy):
    folder, _ = copy
    estimator = LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])
    estimator.guest_ = Fraction(1, 2)
    skops.io.dump(estimator, folder / "detector.skops")
    renew_manifest(folder)
    with pytest.raises(
        ModelError, match=r"detector.skops holds types that are not trusted: fractions.Fraction"
    ):
        Model.load(folder)


def test_a_function_of_the_system_is_refused(copy):
    folder, _ = copy
    schema = {
        "__class__": "system",
        "__module__": "os",
        "__loader__": "FunctionNode",
        "protocol": skops.io._protocol.PROTOCOL,
    }
    with zipfile.ZipFile(folder / "detector.skops", "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    renew_manifest(folder)
    with pytest.raises(ModelError, match=r"not trusted: os.system"):
        Model.load(folder)


def test_another_estimator_in_the_detectors_place_is_refused(copy):
    folder, _ = copy
    skops.io.dump(LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0]), folder / "detector.skops")
    renew_manifest(folder)
    with pytest.raises(
        ModelError, match=r"must hold IsolationForestDetector, got LinearRegression"
    ):
        Model.load(folder)


def test_preprocessing_of_other_columns_is_refused(copy):
    folder, _ = copy
    schema = FeatureSchema(numeric=("bytes",), categorical=("proto",))
    other = Model.build(schema, "isolation_forest", QUICK["isolation_forest"], seed=0).fit(rows())
    (folder / "preprocessing.skops").write_bytes(dump_estimator(other.preprocessing))
    renew_manifest(folder)
    with pytest.raises(ModelError, match="made for other columns"):
        Model.load(folder)


def test_a_detector_of_another_matrix_is_refused(copy):
    folder, _ = copy
    schema = FeatureSchema(numeric=("bytes",))
    other = Model.build(schema, "isolation_forest", QUICK["isolation_forest"], seed=0).fit(rows())
    (folder / "detector.skops").write_bytes(dump_estimator(other.detector))
    renew_manifest(folder)
    with pytest.raises(ModelError, match="the detector was fitted to 1 columns"):
        Model.load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "was saved by a later release of oddwire: train again"),
        ({"format": 3}, "was saved by an earlier release of oddwire: train again"),
        ({"detector_name": "oracle"}, "oracle"),
        ({"schema": None}, "not a model of this release"),
        ({"hyperparameters": {"detector__colour": 1}}, "detector__colour"),
        ({"calibration": {"rows": 7, "tail": None}}, "7 finite numbers"),
        ({"calibration": {"rows": 300, "tail": {}}}, "not a model of this release"),
        ({"versions": {"scikit-learn": "0.19.2"}}, "saved by scikit-learn 0.19.2, but here is"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_description_that_does_not_fit_is_refused(copy, change, message):
    folder, _ = copy
    about = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**about, **change}))
    renew_manifest(folder)
    with pytest.raises(ModelError, match=message):
        Model.load(folder)


@pytest.mark.parametrize(
    "change", [{"days": 0}, {"days": float("nan")}, {"minutes": 0}, {"kind": "<b>"}], ids=str
)
def test_units_that_nothing_has_are_refused(copy, change):
    folder, _ = copy
    about = json.loads((folder / "model.json").read_text())
    about["unit_calibration"] |= change
    (folder / "model.json").write_text(json.dumps(about))
    renew_manifest(folder)
    with pytest.raises(ModelError, match="units must be of a known kind"):
        Model.load(folder)


def test_a_saved_model_is_replaced_whole(copy, tmp_path):
    folder, old = copy
    (folder / "stale.txt").write_text("of the former model")
    new = trained("one_class_svm").save(folder)
    assert new != old
    assert Model.load(folder, digest=new).detector_name == "one_class_svm"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_of_something_else_is_never_replaced(saved_forest, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("Dear")
    model = Model.load(saved_forest[0])
    with pytest.raises(ModelError, match="exists already and is not a saved model"):
        model.save(tmp_path / "letters")
    assert (tmp_path / "letters" / "dear.txt").read_text() == "Dear"
