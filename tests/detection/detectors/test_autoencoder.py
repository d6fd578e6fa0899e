"""The autoencoder finds odd rows, trains alike from one seed, and disturbs nothing around it."""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score

from oddwire.detection.detectors.autoencoder import AutoencoderDetector
from oddwire.errors import ModelError


def correlated_rows(rows, columns=12, *, seed=0):
    """Rows near a plane of three dimensions."""
    random = np.random.default_rng(seed)
    plane = np.random.default_rng(99).normal(size=(3, columns))
    return random.normal(size=(rows, 3)) @ plane + 0.05 * random.normal(size=(rows, columns))


def small(**changes):
    parameters = {"width": 32, "latent_size": 3, "max_epochs": 4, "random_state": 0}
    return AutoencoderDetector(**{**parameters, **changes})


@pytest.fixture(scope="module")
def fitted():
    return small(max_epochs=20, learning_rate=1e-2, noise=0.0).fit(correlated_rows(1500))


def test_rows_off_the_plane_score_worse_than_rows_on_it(fitted):
    normal = correlated_rows(500, seed=1)
    odd = np.random.default_rng(2).permuted(normal, axis=0)  # each column alone looks the same
    labels = np.repeat([0, 1], 500)
    assert roc_auc_score(labels, -fitted.score_samples(np.vstack([normal, odd]))) > 0.97
    assert (fitted.predict(odd) == -1).mean() > 0.8
    assert (fitted.predict(normal) == -1).mean() < 0.05


def test_scores_have_not_collapsed(fitted):
    """A collapsed network gives back one row for all, or one score."""
    rows = correlated_rows(500, seed=1)
    scores = fitted.score_samples(rows)
    assert len(np.unique(scores)) == 500
    assert np.std(scores) / abs(np.mean(scores)) > 0.2
    for returned in given_back(fitted, rows):
        unexplained = ((returned - rows) ** 2).mean() / rows.var(axis=0).mean()
        assert unexplained < 0.3  # giving back the mean row leaves all of it: 1


def given_back(detector, rows):
    """Return what each network makes of rows, straight from the network."""
    import torch

    return detector.network_(torch.from_numpy(rows.astype(np.float32))).double().numpy()


def errors_in_usual_size(detector, rows):
    return (
        (given_back(detector, rows) - rows)
        / detector.error_statistics_.error_scale.numpy()[:, None]
    ) ** 2


def test_the_score_is_the_mean_of_squared_scaled_errors_over_columns_and_networks(fitted):
    rows = correlated_rows(50, seed=3)
    errors = errors_in_usual_size(fitted, rows)
    assert errors.shape == (fitted.n_networks, 50, 12)
    assert errors.max() < fitted.error_cap
    scores = fitted.score_samples(rows)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, -errors.mean(axis=(0, 2)), rtol=1e-4)


def test_beyond_the_cap_only_the_logarithm_of_a_rows_errors_counts(fitted):
    rows = correlated_rows(50, seed=3)
    rows[:, 4] += np.linspace(-30, 30, 50)
    errors, cap = errors_in_usual_size(fitted, rows), fitted.error_cap
    assert (errors > cap).any()
    assert (errors < cap).any()
    tail = np.log1p(np.maximum(errors - cap, 0).sum(axis=2) / cap)
    expected = (np.minimum(errors, cap).sum(axis=2) + tail).mean(axis=0) / 12
    np.testing.assert_allclose(-fitted.score_samples(rows), expected, rtol=1e-4)


def test_the_columns_scores_make_up_the_rows(fitted):
    rows = correlated_rows(700, seed=3)
    rows[:, 4] += np.linspace(-30, 30, 700)
    columns = fitted.score_columns(rows)
    assert columns.shape == (700, 12)
    assert (columns >= 0).all()
    np.testing.assert_allclose(columns.mean(axis=1), -fitted.score_samples(rows), rtol=1e-4)


def test_the_column_that_breaks_the_pattern_has_the_highest_share():
    random = np.random.default_rng(0)
    rows = np.repeat(random.normal(size=(700, 4)), 3, axis=1)  # three columns for each number
    rows += 0.05 * random.normal(size=rows.shape)
    odd = rows[:60].copy()
    changed = np.arange(60) % 12
    odd[np.arange(60), changed] += 2.0
    detector = small(n_networks=1, max_epochs=20, latent_size=4, learning_rate=1e-2).fit(rows)
    assert (detector.score_columns(odd).argmax(axis=1) == changed).mean() > 0.9


def test_without_scaling_every_column_counts_alike():
    rows = correlated_rows(100) * np.geomspace(1, 100, 12)
    scales = small(scale_errors=False).fit(rows).error_statistics_.error_scale
    assert (scales == scales[:, :1]).all()
    scales = small().fit(rows).error_statistics_.error_scale
    assert (scales.amax(dim=1) > 2 * scales.amin(dim=1)).all()


@pytest.mark.parametrize("score", ["density", "both"])
def test_rows_whose_codes_lie_far_from_those_of_training_score_worse(score):
    random = np.random.default_rng(0)
    plane = random.normal(size=(2, 12))
    corners = np.repeat([[3, 3], [3, -3], [-3, 3], [-3, -3]], 200, axis=0)
    rows = (corners + 0.2 * random.normal(size=(800, 2))) @ plane
    between = 0.2 * random.normal(size=(100, 2)) @ plane  # on the same plane, where nothing was
    detector = small(score_from=score, latent_size=2, max_epochs=25, learning_rate=1e-2).fit(rows)
    labels = np.repeat([0, 1], [800, 100])
    assert roc_auc_score(labels, -detector.score_samples(np.vstack([rows, between]))) > 0.98
    assert (detector.score_samples(rows) <= 0).all()


def test_networks_of_different_numbers_of_codes_are_stacked():
    import torch

    from oddwire.detection.detectors.autoencoder.error_statistics import _as_many

    centers = [torch.arange(6.0).reshape(3, 2), torch.ones(1, 2)]
    stacked = _as_many(centers)
    assert stacked.shape == (2, 3, 2)
    assert stacked[0].tolist() == centers[0].tolist()
    assert stacked[1].tolist() == [[1, 1]] * 3  # a center that stands twice moves no distance


def test_both_is_never_less_odd_than_reconstruction_alone():
    rows = correlated_rows(300)
    alone, both = (small(score_from=score).fit(rows) for score in ("reconstruction", "both"))
    assert (both.score_samples(rows) <= alone.score_samples(rows) + 1e-6).all()
    assert (both.score_samples(rows) < alone.score_samples(rows)).mean() > 0.9


def test_more_networks_make_scores_depend_less_on_the_seed():
    rows, others = correlated_rows(200), correlated_rows(200, seed=1)

    def spread(networks):
        scores = [
            small(n_networks=networks, random_state=seed).fit(rows).score_samples(others)
            for seed in range(4)
        ]
        return np.std(np.log(-np.asarray(scores)), axis=0).mean()

    assert spread(8) < 0.7 * spread(1)


def test_networks_start_from_weights_of_their_own(fitted):
    weights = fitted.network_.encoder[0].weight
    assert len({tuple(one.flatten()[:5].tolist()) for one in weights}) == fitted.n_networks


def test_shrinking_pulls_the_codes_together():
    import torch

    rows = correlated_rows(400)
    sizes = [
        float(
            small(shrink=shrink, max_epochs=10, learning_rate=1e-2)
            .fit(rows)
            .network_.encode(torch.from_numpy(rows.astype(np.float32)))
            .square()
            .mean()
        )
        for shrink in (0.0, 0.1)
    ]
    assert sizes[1] < 0.8 * sizes[0]


def test_few_rows_get_as_many_steps_as_they_need():
    from oddwire.detection.detectors.autoencoder.lightning_module import TrainingSettings

    settings = TrainingSettings.of(small(max_epochs=None))
    for rows in (100, 400, 1000, 8000):
        steps = settings.epochs(rows) * np.ceil(rows / settings.rows_a_step(rows))
        assert settings.rows_a_step(rows) >= 32
        assert 800 <= steps <= 2600
    assert (settings.rows_a_step(10**6), settings.epochs(10**6)) == (256, 20)
    assert settings.epochs(1) == 200
    assert TrainingSettings.of(small(max_epochs=7)).epochs(100) == 7


def test_contamination_is_the_share_of_training_rows_called_outliers():
    rows = correlated_rows(400)
    assert (small(contamination=0.1).fit_predict(rows) == -1).sum() == 40


@settings(max_examples=6, deadline=None)
@given(rows=st.integers(1, 40), columns=st.sampled_from([1, 2, 30]), constant=st.booleans())
def test_any_small_shape_trains_to_finite_scores(rows, columns, constant):
    matrix = np.random.default_rng(rows).normal(size=(rows, columns))
    if constant:
        matrix[:, 0] = 7.0
    detector = small(max_epochs=2).fit(matrix)
    assert np.isfinite(detector.score_samples(matrix)).all()
    assert np.isfinite(detector.error_statistics_.error_scale.numpy()).all()


@pytest.mark.parametrize("matrix", [np.zeros((30, 3)), np.ones((64, 1000)), np.full((1, 1), 5.0)])
@pytest.mark.parametrize("score", ["reconstruction", "density", "both"])
def test_constant_columns_and_a_thousand_columns_train(matrix, score):
    detector = small(max_epochs=2, score_from=score).fit(matrix)
    assert np.isfinite(detector.score_samples(matrix)).all()
    assert np.isfinite(detector.score_samples(matrix * 0 + 1e300)).all()
    assert (detector.error_statistics_.error_scale > 0).all()


def test_wild_values_give_finite_scores_and_do_not_ruin_training(fitted):
    wild = np.full((2, 12), 1e300)
    wild[1] = -1e9
    scores = fitted.score_samples(wild)
    assert np.isfinite(scores).all()
    assert scores.max() < fitted.score_samples(correlated_rows(500)).min()
    rows = correlated_rows(1000)
    rows[5] = 1e8
    detector = small(max_epochs=3).fit(rows)
    assert np.isfinite(detector.score_samples(rows)).all()


@pytest.mark.parametrize("columns", [1, 7, 12])
@pytest.mark.parametrize("score", ["reconstruction", "both"])
def test_one_row_scores_as_it_does_among_others(columns, score):
    detector = small(score_from=score, max_epochs=2, latent_size=5).fit(
        correlated_rows(300, columns)
    )
    rows = correlated_rows(1500, columns, seed=4)
    together = detector.score_samples(rows)
    alone = np.concatenate([detector.score_samples(rows[[i]]) for i in (0, 701, 1499)])
    np.testing.assert_allclose(alone, together[[0, 701, 1499]], rtol=1e-9)
    np.testing.assert_allclose(detector.score_samples(rows[::-1]), together[::-1], rtol=1e-9)


def test_one_seed_gives_one_result_and_another_seed_another():
    rows = correlated_rows(300)
    first, again, other = (
        small(random_state=seed).fit(rows).score_samples(rows) for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_global_random_states_are_neither_read_nor_moved():
    import torch

    rows = correlated_rows(100)
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 - the global state is what this is about
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - the same
    first = small().fit(rows).score_samples(rows)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002 - the same
    torch.manual_seed(2)
    assert np.array_equal(small().fit(rows).score_samples(rows), first)


def test_two_trainings_in_threads_give_what_they_give_alone():
    rows = correlated_rows(600)
    alone = [small(random_state=seed).fit(rows).score_samples(rows) for seed in (0, 1)]
    with ThreadPoolExecutor(2) as pool:
        both = pool.map(lambda seed: small(random_state=seed).fit(rows).score_samples(rows), (0, 1))
        for expected, found in zip(alone, both, strict=True):
            assert np.array_equal(found, expected)


def test_training_leaves_no_files_output_log_lines_handlers_or_thread_settings(
    tmp_path, monkeypatch, capfd, caplog
):
    import torch

    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    logger = logging.getLogger("pytorch_lightning.utilities.rank_zero")
    logger.addHandler(caplog.handler)  # Lightning may have told its loggers not to propagate
    threads, filters = torch.get_num_threads(), list(logger.filters)
    try:
        small().fit(correlated_rows(100))
        assert caplog.messages == []
        logger.info("heard again")
        assert "heard again" in caplog.messages
    finally:
        logger.removeHandler(caplog.handler)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
    assert {number: signal.getsignal(number) for number in handlers} == handlers
    assert torch.get_num_threads() == threads
    assert logger.filters == filters


def test_the_callback_sees_working_scores_and_stops_the_training():
    rows = correlated_rows(300)
    seen = []
    detector = small(max_epochs=20)

    def on_epoch(epoch):
        seen.append((epoch, detector.score_samples(rows).mean()))
        return epoch == 2

    detector.fit(rows, on_epoch=on_epoch)
    assert [epoch for epoch, _ in seen] == [0, 1, 2]
    assert len({mean for _, mean in seen}) == 3
    assert detector.predict(rows).shape == (300,)


def test_watching_the_epochs_does_not_change_the_result():
    rows = correlated_rows(200)
    watched = small().fit(rows, on_epoch=lambda _: False)
    assert np.array_equal(watched.score_samples(rows), small().fit(rows).score_samples(rows))


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt])
def test_what_the_callback_raises_comes_out_as_it_is(kind):
    """Lightning itself would turn Ctrl-C into a silent exit."""

    def on_epoch(epoch):
        raise kind(f"in epoch {epoch}")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(kind, match="in epoch 0"):
        small().fit(correlated_rows(50), on_epoch=on_epoch)
    assert signal.getsignal(signal.SIGINT) is before


def test_training_stops_when_held_out_rows_stop_getting_better():
    """Pure noise in many columns can only be learned by heart."""
    rows = np.random.default_rng(0).normal(size=(60, 30))
    epochs = itertools.count()
    small(max_epochs=400, patience=3, learning_rate=1e-2, width=128, latent_size=30, noise=0.0).fit(
        rows, on_epoch=lambda _: next(epochs) < 0
    )
    assert next(epochs) < 400


def test_the_best_weights_are_kept_not_the_last():
    """Pure noise learned by heart makes later epochs worse than the first ones."""
    rows = np.random.default_rng(0).normal(size=(60, 30))
    errors = []
    detector = small(
        max_epochs=40, patience=40, learning_rate=1e-2, width=128, latent_size=10, noise=0.0
    )
    held_out_error = spy_on_held_out_rows(detector)
    detector.fit(rows, on_epoch=lambda _: errors.append(held_out_error()))
    assert held_out_error() == pytest.approx(min(errors), rel=1e-5)
    assert errors[-1] > min(errors)


def spy_on_held_out_rows(detector):
    """Return a function that measures the error on the rows that decide when to stop."""
    kept = []
    adopt = detector._adopt

    def spy(network, training, held_out):
        kept[:] = [held_out.numpy()]
        adopt(network, training, held_out)

    detector._adopt = spy

    def held_out_error():
        return ((given_back(detector, kept[0]) - kept[0]) ** 2).mean()

    return held_out_error


@pytest.mark.parametrize("score", ["reconstruction", "density", "both"])
def test_saved_and_loaded_it_scores_the_same_to_the_last_bit(score, tmp_path):
    rows = correlated_rows(300, seed=5)
    fitted = small(score_from=score).fit(rows)
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
    """Put a changed tensor into the weights, with a digest that fits."""
    from safetensors.torch import load_file, save_file

    file = folder / "autoencoder.safetensors"
    tensors = load_file(file)
    tensors[name] = change(tensors[start or name]).contiguous()
    save_file(tensors, file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    edit(folder, lambda content: content.update(weights_sha256=digest))


def flip_a_bit(folder):
    file = folder / "autoencoder.safetensors"
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)


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
        lambda folder: edit(
            folder, lambda content: content["parameters"].update(score_from="both")
        ),
        lambda folder: edit(folder, lambda content: content["parameters"].update(error_cap=0)),
        lambda folder: put_tensor(folder, "error_scale", lambda scale: -scale),
        lambda folder: put_tensor(folder, "error_scale", lambda scale: scale[:, 1:]),
        lambda folder: put_tensor(folder, "error_scale", lambda scale: scale * float("nan")),
        lambda folder: put_tensor(folder, "error_scale", lambda scale: scale.double()),
        lambda folder: put_tensor(folder, "centers", lambda centers: centers[0]),
        lambda folder: put_tensor(folder, "extra", lambda none: none, start="centers"),
        lambda folder: edit(folder, lambda content: content["parameters"].update(secret=1)),
        flip_a_bit,
    ],
)
def test_missing_or_tampered_files_are_a_model_error(fitted, tmp_path, harm):
    fitted.save_weights(tmp_path)
    harm(tmp_path)
    with pytest.raises(ModelError):
        AutoencoderDetector.load_weights(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_networks": 0},
        {"width": 0},
        {"noise": 1.0},
        {"shrink": -1.0},
        {"error_cap": 0.0},
        {"score_from": "mean"},
        {"accelerator": "tpu"},
        {"contamination": 0.6},
    ],
)
def test_parameters_outside_their_rule_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        small(**wrong).fit(correlated_rows(30))


def test_importing_the_class_does_not_import_torch():
    code = (
        "import sys, oddwire.detection.detectors.autoencoder.detector;"
        "sys.exit(int(bool({'torch', 'pytorch_lightning', 'safetensors'} & set(sys.modules))))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_it_trains_in_a_thread_that_is_not_the_main_one():
    scores = []
    rows = correlated_rows(50)
    thread = threading.Thread(target=lambda: scores.append(small().fit(rows).score_samples(rows)))
    thread.start()
    thread.join()
    assert np.isfinite(scores[0]).all()
