"""A small study, for the tests of the search."""

from __future__ import annotations

import pytest

from oddwire.operations.search.objective import make_objective
from oddwire.operations.search.plans import StudyPlan
from oddwire.operations.search.studies import run_study


@pytest.fixture
def rows(make_rows):
    return make_rows(120, attacks=0)


@pytest.fixture
def objective(make_rows, schema):
    return make_objective(make_rows(120, seed=1), schema)


@pytest.fixture
def study(tmp_path, rows, objective, schema):
    """Return a function that runs a study of this test's rows and folder."""

    def run(
        trials=3, detector="isolation_forest", *, on_trial=lambda _: None, folder=None, **changes
    ):
        settings = {"timeout": 60.0, "seed": 0, "data": "rows"} | changes
        plan = StudyPlan("desk", detector, trials, **settings)
        folder = folder or tmp_path
        return run_study(plan, rows, objective, schema, folder=folder, on_trial=on_trial)

    return run
