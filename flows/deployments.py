"""What is served, and its schedules: ``python -m flows.deployments``, or ``make up`` for all."""

from __future__ import annotations

from typing import cast

from prefect import serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron

from flows.drift_check import check_drift
from flows.scoring import score
from flows.training import train
from oddwire import __version__
from oddwire.params import load_params, watched_sources
from oddwire.project import Project


def deployments() -> list[RunnerDeployment]:
    """Return every deployment, its form filled in from ``params.yaml``."""
    params = load_params(Project.find().params_file)
    # Checks that piled up while nothing served them would all look at the same rows: one is enough.
    one_at_a_time = ConcurrencyLimitConfig(
        limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
    )
    parts = [
        train.to_deployment(
            "training",
            parameters={
                "source": next(iter(watched_sources(params)), ""),
                "trials": params.search.trials,
                "detectors": ",".join(params.search.detectors),
            },
            tags=["oddwire"],
            version=__version__,
        ),
        check_drift.to_deployment(
            "drift-check",
            schedules=[Cron(params.drift.schedule, timezone="UTC")],
            parameters={"source": next(iter(watched_sources(params)), "")},
            concurrency_limit=one_at_a_time,
            tags=["oddwire"],
            version=__version__,
        ),
        score.to_deployment("scoring", tags=["oddwire"], version=__version__),
    ]
    # Outside an event loop these are no coroutines, whatever the signature allows.
    return cast("list[RunnerDeployment]", parts)


def main() -> None:
    """Register every deployment, and run what they are asked to until interrupted."""
    serve(*deployments(), pause_on_shutdown=False, print_starting_message=False)


if __name__ == "__main__":
    main()
