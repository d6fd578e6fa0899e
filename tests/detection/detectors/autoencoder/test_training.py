"""The autoencoder trains alike from one seed, stops in time, and disturbs nothing around it."""

from __future__ import annotations

import itertools
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
from small_autoencoders import correlated_rows, reconstructed, small


def test_few_rows_get_as_many_steps_as_they_need():
    from oddwire.detection.detectors.autoencoder.lightning_module import TrainingSettings

    def settings(max_epochs):
        return TrainingSettings(
            noise=0.06, learning_rate=3e-3, max_epochs=max_epochs, patience=8, accelerator="cpu",
        )  # fmt: skip

    default = settings(None)
    for rows in (100, 400, 1000, 8000):
        steps = default.epochs(rows) * np.ceil(rows / default.rows_a_step(rows))
        assert default.rows_a_step(rows) >= 32
        assert 800 <= steps <= 2600
    assert (default.rows_a_step(10**6), default.epochs(10**6)) == (256, 20)
    assert default.epochs(1) == 200
    assert settings(7).epochs(100) == 7


@settings(max_examples=6, deadline=None)
@given(rows=st.integers(1, 40), columns=st.sampled_from([1, 2, 30]), constant=st.booleans())
def test_any_small_shape_trains_to_finite_scores(rows, columns, constant):
    matrix = np.random.default_rng(rows).normal(size=(rows, columns))
    if constant:
        matrix[:, 0] = 7.0
    detector = small(max_epochs=2).fit(matrix)
    assert np.isfinite(detector.score_samples(matrix)).all()
    assert np.isfinite(detector.error_scale_.numpy()).all()


@pytest.mark.parametrize("matrix", [np.zeros((30, 3)), np.ones((64, 1000)), np.full((1, 1), 5.0)])
def test_constant_columns_and_a_thousand_columns_train(matrix):
    detector = small(max_epochs=2).fit(matrix)
    assert np.isfinite(detector.score_samples(matrix)).all()
    assert np.isfinite(detector.score_samples(matrix * 0 + 1e300)).all()
    assert (detector.error_scale_ > 0).all()


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

    def spy(network, held_out):
        kept[:] = [held_out.numpy()]
        adopt(network, held_out)

    detector._adopt = spy

    def held_out_error():
        return ((reconstructed(detector, kept[0]) - kept[0]) ** 2).mean()

    return held_out_error


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_networks": 0},
        {"width": 0},
        {"noise": 1.0},
        {"accelerator": "tpu"},
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
