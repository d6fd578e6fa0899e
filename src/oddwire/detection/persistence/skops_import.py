"""skops without what importing it would import as well.

As it is imported, skops asks scikit-learn for all of its estimators. To find them, scikit-learn
imports every package that lies in it, those that hold none too: with
``sklearn.externals.array_api_compat.torch`` comes all of PyTorch, seconds and 200 MB that nobody
asked for.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace
from typing import Any

_WITHOUT_ESTIMATORS = {"externals", "tests"}


def skops_io() -> Any:
    """Return the module ``skops.io``."""
    from sklearn.utils import discovery

    with _fewer_packages(discovery):
        return import_module("skops.io")


@contextmanager
def _fewer_packages(discovery: Any) -> Iterator[None]:
    """Let scikit-learn look for estimators only where it takes them from; nobody else sees it."""
    discovery.pkgutil = SimpleNamespace(walk_packages=_walk)
    try:
        yield
    finally:
        discovery.pkgutil = pkgutil


def _walk(path: Iterable[str], prefix: str) -> Iterator[pkgutil.ModuleInfo]:
    for found in pkgutil.iter_modules(path, prefix):
        name = found.name.removeprefix(prefix)
        if name in _WITHOUT_ESTIMATORS or name.startswith("_"):
            continue
        yield found
        if found.ispkg:
            yield from _walk(import_module(found.name).__path__, f"{found.name}.")
