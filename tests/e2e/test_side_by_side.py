"""Two trainings of one source, started at once: both finish, one after the other."""

from __future__ import annotations

import json
import subprocess

import pytest
from command_line import ODDWIRE, environment
from small_projects import make_project

from oddwire.operations.registry.versions import Registry, model_name
from oddwire.operations.tracking.store import Tracking

pytestmark = pytest.mark.slow
COMMAND = [
    ODDWIRE, "train", "simulated", "--detectors", "isolation_forest", "--trials", "1", "--json",
]  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory, prefect_server):
    folder = tmp_path_factory.mktemp("side_by_side")
    project = make_project(folder / "project")
    env = environment(folder / "prefect", PREFECT_API_URL=prefect_server)
    processes = [
        subprocess.Popen(
            COMMAND, cwd=project.root, env=env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]  # fmt: skip
    ended = [(*process.communicate(timeout=400), process.returncode) for process in processes]
    return project, Tracking.connect(project), ended


def test_both_finish_and_say_which_version_it_is(both):
    _, _, ended = both
    for _, err, code in ended:
        assert code == 0, err
        assert "Traceback" not in err
    assert {json.loads(out)["version"] for out, _, _ in ended} == {"1"}


def test_both_made_the_same_model_which_is_one_version_and_champion(both):
    project, tracking, _ = both
    versions = tracking.client.search_model_versions(f"name = '{model_name('simulated')}'")
    assert [str(one.version) for one in versions] == ["1"]
    assert Registry.of(tracking, project).champion("simulated").number == "1"
    lines = (project.mlruns / "promotions.jsonl").read_text().splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["promoted", "already champion"]


def test_one_ran_after_the_other(both):
    _, tracking, _ = both
    found = tracking._runs(tracking.experiment("simulated"), "tags.kind = 'training'")
    later, earlier = found
    assert {run.info.status for run in found} == {"FINISHED"}
    assert earlier.info.end_time <= later.info.start_time


def test_each_had_a_study_of_its_own(both):
    _, tracking, _ = both
    studies = tracking._runs(tracking.experiment("simulated"), "tags.kind = 'study'")
    assert len({run.data.tags["study"] for run in studies}) == 2
    searches = [tracking.read_json(run.info.run_id, "search.json") for run in studies]
    assert [search["resumed"] for search in searches] == [0, 0]
