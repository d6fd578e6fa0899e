"""Results that are not in MLflow: they wait on this machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from oddwire.operations.doctor.finding import Fact, Finding
from oddwire.operations.doctor.ground import Ground
from oddwire.operations.doctor.locks import is_held
from oddwire.operations.training.outages.fitted_models import waiting

_ABOVE = 3  # folders between a source's work and the facts of a fitted model


def see_unrecorded(ground: Ground) -> Iterator[Finding | Fact]:
    """Look for fitted models of trainings that lost MLflow, or were killed."""
    project = ground.project
    found = Counter(file.parents[_ABOVE - 1].name for file in waiting(project))
    for source, count in sorted(found.items()):
        if is_held(project.locks / f"train-{source}.lock"):
            continue  # its training is still at work
        models = "1 fitted model waits" if count == 1 else f"{count} fitted models wait"
        yield Finding(
            subject=source, severity="warning",
            problem=f"{models} in data/work, of a training that lost MLflow or was killed: the "
            "next one tells MLflow, and fits nothing twice if the settings are the same",
            remedy=f"oddwire train {source}",
        )  # fmt: skip
    yield Fact(f"{sum(found.values())} fitted models that MLflow was not told of")
