"""Fitted models, kept on this machine until a training has told MLflow of them.

A training that loses MLflow, or is killed, fits none of them again when it is repeated: they are
found by everything that they depend on.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from oddwire.detection.model import Model
from oddwire.errors import ModelError
from oddwire.operations.search.plans import StudyResult
from oddwire.operations.training.results import Training
from oddwire.project import Project

_FOLDER = "fitted"


@dataclass(frozen=True)
class FittedModel:
    """A fitted and calibrated model, where it is kept, and the seconds that its fit took.

    ``digest`` is the SHA-256 of its manifest.
    """

    model: Model
    folder: Path
    digest: str
    seconds: float


def folder_of(training: Training, study: StudyResult) -> Path:
    """Return where the model of a study's hyperparameters is kept."""
    depends_on = [
        training.plan(study.detector).fingerprint,
        dict(study.parameters),
        training.params.alerts.model_dump(mode="json"),
    ]
    text = json.dumps(depends_on, sort_keys=True, default=str)
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    return training.workplace.parent / _FOLDER / key / study.detector


def find(training: Training, study: StudyResult) -> FittedModel | None:
    """Return the model that an earlier training fitted, None where it is missing or damaged."""
    folder = folder_of(training, study)
    with suppress(OSError, ValueError, KeyError, TypeError, ModelError):
        kept = json.loads(_facts(folder).read_text(encoding="utf-8"))
        model = Model.load(folder, digest=kept["digest"])
        return FittedModel(model, folder, kept["digest"], float(kept["seconds"]))
    return None


def keep(training: Training, study: StudyResult, model: Model, seconds: float) -> FittedModel:
    """Save a model where `find` finds it."""
    folder = folder_of(training, study)
    _facts(folder).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    digest = model.save(folder)
    partial = _facts(folder).with_suffix(".partial")
    partial.write_text(json.dumps({"digest": digest, "seconds": seconds}), encoding="utf-8")
    partial.replace(_facts(folder))  # from now on it is there, all of it
    return FittedModel(model, folder, digest, seconds)


def clear(training: Training, *, fitted: bool) -> None:
    """Remove what trainings of the source left behind.

    Parameters
    ----------
    fitted
        Whether fitted models go too: once MLflow has them.
    """
    place = training.workplace.parent
    if fitted:
        shutil.rmtree(place, ignore_errors=True)
        return
    for each in place.iterdir() if place.is_dir() else ():
        if each.name != _FOLDER:
            shutil.rmtree(each, ignore_errors=True)


def waiting(project: Project) -> Iterator[Path]:
    """Yield the fitted models that no training has told MLflow of yet, of all sources."""
    yield from sorted((project.root / "data" / "work").glob(f"*/{_FOLDER}/*/*.json"))


def _facts(folder: Path) -> Path:
    return folder.with_suffix(".json")
