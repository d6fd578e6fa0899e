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
    """A dimension that is asked for only where another was given one of certain values.

    Parameters
    ----------
    name, values
        The other dimension, and the values of it that count.
    then
        What may be chosen there.
    otherwise
        What stands elsewhere; None leaves it to the detector's default.
    """

    name: str
    values: tuple[str | int | float | bool, ...]
    then: FloatRange | IntRange | Choice
    otherwise: str | int | float | bool | None = None

    def holds(self, chosen: Mapping[str, Any]) -> bool:
        """Say whether the dimension is asked for, given what was chosen before it."""
        return chosen.get(self.name) in self.values


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

    Ranks are set beside all rows alone: within a group a small step of benign traffic is a large
    one in ranks, and validation rows, which are of the time of training's, do not show what that
    costs (docs/decisions/0006-leaving-the-defaults.md).
    """
    transforms = ("log_standard", "standard")
    return When("preprocessing__transform", transforms, Choice(values), otherwise="all")
