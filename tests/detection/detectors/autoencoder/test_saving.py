"""A loaded autoencoder is the saved one to the last bit, and a damaged one is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from small_autoencoders import correlated_rows, small

from oddwire.detection.detectors.autoencoder import AutoencoderDetector
from oddwire.errors import ModelError


def test_saved_and_loaded_it_scores_the_same_to_the_last_bit(tmp_path):
    rows = correlated_rows(300, seed=5)
    fitted = small().fit(rows)
    fitted.save_weights(tmp_path / "detector")
    loaded = AutoencoderDetector.load_weights(tmp_path / "detector")
    assert np.array_equal(loaded.score_samples(rows), fitted.score_samples(rows))
    assert np.array_equal(loaded.predict(rows), fitted.predict(rows))
    assert loaded.get_params() == fitted.get_params()
    names = sorted(file.name for file in (tmp_path / "detector").iterdir())
    assert names == ["autoencoder.json", "autoencoder.safetensors"]


def test_numpy_numbers_and_random_states_as_parameters_can_be_saved(tmp_path):
    detector = small(width=np.int64(16), noise=np.float64(0.1))
    detector.set_params(random_state=np.random.RandomState(0)).fit(correlated_rows(40))
    detector.save_weights(tmp_path)
    loaded = AutoencoderDetector.load_weights(tmp_path)
    assert (loaded.width, loaded.random_state) == (16, None)


def test_what_is_not_fitted_cannot_be_saved_or_score(tmp_path):
    with pytest.raises(NotFittedError):
        small().save_weights(tmp_path)
    with pytest.raises(NotFittedError):
        small().score_samples(correlated_rows(3))


def edit(folder, change):
    file = folder / "autoencoder.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def put_tensor(folder, name, change, *, start=None):
    """Put a changed tensor into the weights."""
    from safetensors.torch import load_file, save_file

    file = folder / "autoencoder.safetensors"
    tensors = load_file(file)
    tensors[name] = change(tensors[start or name]).contiguous()
    save_file(tensors, file)


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "autoencoder.json").unlink(),
        lambda folder: (folder / "autoencoder.safetensors").unlink(),
        lambda folder: (folder / "autoencoder.json").write_text("{"),
        lambda folder: (folder / "autoencoder.json").write_bytes(b"\xff\xfe"),
        lambda folder: (folder / "autoencoder.json").write_text("[]"),
        lambda folder: edit(folder, lambda content: content.pop("offset")),
        lambda folder: edit(folder, lambda content: content.update(columns=13)),
        lambda folder: edit(folder, lambda content: content.update(offset="low")),
        lambda folder: edit(folder, lambda content: content["parameters"].update(width=64)),
        lambda folder: edit(folder, lambda content: content["parameters"].update(width=-1)),
        lambda folder: edit(folder, lambda content: content["parameters"].update(n_networks=5)),
        lambda folder: edit(folder, lambda content: content["parameters"].update(noise=2)),
        lambda folder: put_tensor(folder, "error_scale", lambda scale: -scale),
        lambda folder: put_tensor(folder, "error_scale", lambda scale: scale[:, 1:]),
        lambda folder: put_tensor(folder, "error_scale", lambda scale: scale * float("nan")),
        lambda folder: put_tensor(folder, "error_scale", lambda scale: scale.double()),
        lambda folder: put_tensor(folder, "extra", lambda scale: scale + 1, start="error_scale"),
        lambda folder: edit(folder, lambda content: content["parameters"].update(secret=1)),
    ],
)
def test_missing_or_tampered_files_are_a_model_error(fitted, tmp_path, harm):
    fitted.save_weights(tmp_path)
    harm(tmp_path)
    with pytest.raises(ModelError):
        AutoencoderDetector.load_weights(tmp_path)
