"""Where a detector's class is to be found."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DetectorSpec:
    """A detector by name; its module ``detectors.NAME`` is imported by `load`, not before.

    Parameters
    ----------
    name
        As in ``params.yaml``, and of the module or package here.
    title
        As people read it.
    class_name
        The estimator in that module.
    summary
        Which rows are anomalous to it, in a sentence.
    libraries
        A module here that imports what the estimator itself imports only when it fits.
    """

    name: str
    title: str
    class_name: str
    summary: str
    libraries: str | None = None

    @property
    def library(self) -> str:
        """What it is built on."""
        return "scikit-learn" if self.libraries is None else "PyTorch"

    def load(self) -> type[Any]:
        """Import the module and return the estimator's class."""
        estimator: type[Any] = getattr(_import(self.name), self.class_name)
        return estimator

    def import_libraries(self) -> None:
        """Import all that fitting needs, so that a later fit need not wait for it."""
        self.load()
        if self.libraries is not None:
            _import(self.libraries)


def _import(module: str) -> Any:
    return importlib.import_module(f"{__package__}.{module}")
