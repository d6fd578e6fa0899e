"""What a search may choose: plain descriptions that any optimiser can read.

A detector says what can be tuned without knowing who tunes it; ``operations.search`` turns these
into Optuna's suggestions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FloatRange:
    """A number from ``low`` to ``high``, both included."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class IntRange:
    """A whole number from ``low`` to ``high``, both included."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[str | int | float | bool, ...]


@dataclass(frozen=True)
class When:
    """A dimension that is asked for only where another was given a certain value."""

    name: str
    value: str | int | float | bool
    then: FloatRange | IntRange | Choice


Dimension = FloatRange | IntRange | Choice | When

# Keys follow scikit-learn's double underscore: ``preprocessing__transform``, ``detector__gamma``.
# A `When` stands after the dimension that it names.
SearchSpace = Mapping[str, Dimension]
HyperParameters = Mapping[str, Any]
