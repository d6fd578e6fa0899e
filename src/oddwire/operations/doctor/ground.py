"""What the looks share: the folder, its settings, its open store; none of it need be there."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from oddwire.errors import OddwireError
from oddwire.operations.tracking.store import Tracking
from oddwire.params import Params, load_params
from oddwire.project import Project

# What a project's folder holds, should its params.yaml be gone.
_MARKS = ("params.yaml", "dvc.yaml", "dvc.lock", ".dvc", "mlruns")


@dataclass
class Ground:
    """The place that is looked at.

    Attributes
    ----------
    project
        Its folders.
    params
        Its settings, None where they cannot be read.
    params_error
        Why, else empty.
    store
        Its MLflow store, which the look at the store opens if it is sound; None until then.
    """

    project: Project
    params: Params | None = None
    params_error: str = ""
    store: Tracking | None = field(default=None, repr=False)

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.project.root

    @classmethod
    def find(cls) -> Ground:
        """Find the project as commands do; without a ``params.yaml``, by what else one holds."""
        try:
            ground = cls(Project.find())
        except (OddwireError, OSError) as error:
            return cls(Project(_likely_root()), params_error=str(error))
        try:
            ground.params = load_params(ground.project.params_file)
        except (OddwireError, OSError) as error:
            ground.params_error = str(error)
        return ground

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the sources, none where the settings cannot be read."""
        return () if self.params is None else tuple(self.params.sources)


def _likely_root() -> Path:
    named = os.environ.get("ODDWIRE_PROJECT")
    try:
        here = Path(named).resolve() if named else Path.cwd()
    except (OSError, RuntimeError):  # the working directory was removed
        return Path(os.sep)
    for folder in [here] if named else [here, *here.parents]:
        if any((folder / mark).exists() for mark in _MARKS):
            return folder
    return here
