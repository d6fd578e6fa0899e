"""A run for each source that is to be watched, and never two."""

from __future__ import annotations

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled, Crashed, Failed, Running

from flows.orphans import TAG
from flows.watchers import DEPLOYMENT, Watcher, start_watchers, watchers

pytestmark = pytest.mark.slow


@flow(name="watches")
def watches(source: str) -> None:
    del source


@pytest.fixture
def asked(prefect_server):
    """What asks for watchers of sources, and the client that it asks with."""
    with get_client(sync_client=True) as client:
        deployment = watches.to_deployment(DEPLOYMENT, tags=[TAG]).apply()

        def ask(*sources: str) -> list[FlowRun]:
            return start_watchers(client, deployment, sources)

        yield ask, client
        client.delete_deployment(deployment)


def test_what_is_watched_or_about_to_be_is_not_asked_for_again(asked):
    ask, client = asked
    office, branch = ask("office", "branch")
    assert [run.parameters["source"] for run in (office, branch)] == ["office", "branch"]
    assert ask("office", "branch") == []
    client.set_flow_run_state(office.id, Running(name="Watching"), force=True)
    assert ask("office", "branch") == []
    client.set_flow_run_state(office.id, Crashed(message="its process is gone"), force=True)
    client.set_flow_run_state(branch.id, Cancelled(), force=True)
    assert [run.parameters["source"] for run in ask("office")] == ["office"]


def test_the_newest_run_of_each_source_is_told(asked, prefect_server):
    ask, client = asked
    (first,) = ask("office")
    client.set_flow_run_state(first.id, Crashed(), force=True)
    (second,) = ask("office")
    client.set_flow_run_state(second.id, Running(name="Waiting", message="no champion"), force=True)
    told = watchers(prefect_server, ["office", "never-seen"])
    assert told == [Watcher("office", str(second.id), "Waiting", "no champion")]


def test_a_second_run_is_not_taken_for_the_one_that_watches(asked, prefect_server):
    ask, client = asked
    (first,) = ask("office")
    (told,) = watchers(prefect_server, ["office"])
    assert (told.run, told.state) == (str(first.id), "Starting")
    client.set_flow_run_state(first.id, Running(name="Watching"), force=True)
    deployment = client.read_flow_run(first.id).deployment_id
    second = client.create_flow_run_from_deployment(deployment, parameters={"source": "office"})
    (told,) = watchers(prefect_server, ["office"])
    assert told == Watcher("office", str(first.id), "Watching", "")
    client.set_flow_run_state(second.id, Failed(message="watched already"), force=True)
    client.set_flow_run_state(first.id, Cancelled(), force=True)
    (told,) = watchers(prefect_server, ["office"])
    assert (told.run, told.state) == (str(first.id), "Cancelled")
