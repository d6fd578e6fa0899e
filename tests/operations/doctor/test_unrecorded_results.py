"""What a training could not tell MLflow is found, and whose command tells it."""

from __future__ import annotations

import fcntl


def test_fitted_models_that_mlflow_was_not_told_of(bare, look):
    place = bare.root / "data" / "work" / "desk" / "fitted" / "0123456789abcdef"
    (place / "kmeans").mkdir(parents=True)
    (place / "kmeans.json").write_text("{}")
    (found,) = look("unrecorded results", "leftovers")
    assert (found.subject, found.remedy) == ("desk", "oddwire train desk")
    assert found.problem.startswith("1 fitted model waits in data/work")
    bare.locks.mkdir(parents=True)
    with (bare.locks / "train-desk.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert look("unrecorded results") == []
