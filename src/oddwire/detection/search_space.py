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
    """A dimension that is asked for only where another was given a certain value.

    Parameters
    ----------
    name, value
        The other dimension, and the value of it that counts.
    then
        What may be chosen there.
    otherwise
        What stands elsewhere; None leaves it to the detector's default.
    """

    name: str
    value: str | int | float | bool
    then: FloatRange | IntRange | Choice
    otherwise: str | int | float | bool | None = None


Dimension = FloatRange | IntRange | Choice | When

# Keys follow scikit-learn's double underscore: ``preprocessing__transform``, ``detector__gamma``.
# A `When` stands after the dimension that it names.
SearchSpace = Mapping[str, Dimension]
HyperParameters = Mapping[str, Any]

# How much categories count beside numbers, in detectors that measure distances. Not above 1:
# validation rows are of the same categories as training rows, and do not show what more costs where
# new ones come up (docs/decisions/0009-numbers-beside-their-own-kind.md).
CATEGORY_WEIGHT = FloatRange(0.3, 1.0, log=True)


def relative_to(*values: str) -> When:
    """Return the dimension that says beside which rows a number is set.

    Ranks are set beside all rows alone: within groups they are lost as soon as benign traffic
    changes, and validation rows do not show that either.
    """
    return When("preprocessing__transform", "log_standard", Choice(values), otherwise="all")
