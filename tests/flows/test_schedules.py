"""Which of the scheduled runs that nobody served are done after all."""

from __future__ import annotations

import datetime as dt

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.schedules import Cron
from prefect.states import Late

from flows import deployments

pytestmark = pytest.mark.slow
BEGIN = dt.datetime(2026, 3, 2, 6, tzinfo=dt.UTC)


@flow(name="looks")
def looks(source: str, scenario: str = "") -> None:
    del source, scenario


@pytest.fixture
def late(prefect_server, monkeypatch):
    """A deployment with a schedule, and a function that makes late runs of it."""
    made = looks.to_deployment("looks", schedules=[Cron("0 6 * * *", slug="office")])
    with get_client(sync_client=True) as client:
        made.apply()

        def run(number, *, scheduled=True, **parameters):
            asked = client.create_flow_run_from_deployment(
                client.read_deployment_by_name("looks/looks").id,
                parameters={"source": "office", **parameters},
                state=Late(scheduled_time=BEGIN + dt.timedelta(hours=number)),
            )
            scheduled_runs.update({asked.id: scheduled})
            return asked.id

        scheduled_runs = {}
        read = client.read_flow_runs

        def as_scheduled(**options):
            # Prefect's scheduler alone may say that it made a run.
            found: list[FlowRun] = read(**options)
            return [
                one.model_copy(update={"auto_scheduled": scheduled_runs[one.id]}) for one in found
            ]

        monkeypatch.setattr(client, "read_flow_runs", as_scheduled)
        yield made, client, run


def names_of(client, runs):
    return [client.read_flow_run(run).state_name for run in runs]


def test_the_newest_scheduled_run_is_kept_whatever_somebody_asked_for(late, monkeypatch):
    made, client, run = late
    monkeypatch.setattr(deployments, "_PAGE", 2)
    runs = [run(1), run(2), run(3), run(4), run(5, scheduled=False, scenario="broken_sensor")]
    deployments.cancel_missed([made], client)
    assert names_of(client, runs) == ["Cancelled", "Cancelled", "Cancelled", "Late", "Late"]
