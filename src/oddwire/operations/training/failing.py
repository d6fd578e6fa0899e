"""What a training does where a detector fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from oddwire.errors import ServiceError
from oddwire.faults import fault_of
from oddwire.masking import without_secrets
from oddwire.operations.progress import step
from oddwire.operations.tracking.items import Tags
from oddwire.operations.training.results import Training

_FAILED = "failed."  # and the detector's name: a tag of the training
Outcome = TypeVar("Outcome")


def leave_out_failed(
    training: Training, names: Sequence[str], outcomes: Sequence[Outcome | BaseException]
) -> list[Outcome]:
    """Go on with the detectors that worked; what failed is kept as a tag of the training.

    Parameters
    ----------
    outcomes
        What each came to, an error where it failed.

    Raises
    ------
    ServiceError
        If a server or tool failed, which a detector cannot help.
    BaseException
        The first error, if all failed.
    """
    worked: list[Outcome] = []
    failed: list[BaseException] = []
    for name, outcome in zip(names, outcomes, strict=True):
        if not isinstance(outcome, BaseException):
            worked.append(outcome)
            continue
        if isinstance(outcome, ServiceError):
            raise outcome  # what broke is not the detector
        fault = fault_of(outcome, places=[training.project.root / "data"])
        if fault:
            raise ServiceError(fault) from outcome
        failed.append(outcome)
        reason = without_secrets(" ".join(f"{type(outcome).__name__}: {outcome}".split()))[:500]
        training.tracking().log(training.run_id, [Tags({f"{_FAILED}{name}": reason})])
        with step(f"{name} failed and is left out: {reason}"):
            pass
    if not worked:
        raise failed[0]
    return worked


def failed_detectors(training: Training) -> dict[str, str]:
    """Return why of each detector that `leave_out_failed` left out."""
    training.raise_if_lost()
    tags = training.tracking().client.get_run(training.run_id).data.tags
    return {k.removeprefix(_FAILED): why for k, why in tags.items() if k.startswith(_FAILED)}
