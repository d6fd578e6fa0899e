"""Trainings whose servers answer badly end in time, and the next one repairs what they left.

All hundred seeds: ``python benchmarks/fault_proxy.py --seeds 100``.
"""

from __future__ import annotations

import pytest
from fault_runs import bench

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def faulty(tmp_path_factory, prefect_server):
    import prefect.context

    with (
        pytest.MonkeyPatch.context() as patch,
        bench(tmp_path_factory.mktemp("faulty"), prefect_server, patch) as made,
    ):
        yield made
    # Prefect keeps what it read: the tests that follow would ask the proxy, which is gone.
    prefect.context.refresh_global_settings_context()


@pytest.mark.filterwarnings("ignore")  # of libraries whose connections break
@pytest.mark.parametrize("seed", [0, 1, 2, 5, 7, 9])
def test_a_training_ends_in_time_and_the_next_one_repairs_it(faulty, seed):
    ran = faulty.run(seed)
    assert ran.broken == (), f"{ran.outcome} after {dict(ran.faults)}"
