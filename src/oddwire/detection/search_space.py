"""What a search may choose: plain descriptions that any optimiser can read.

A detector says what can be tuned without knowing who tunes it; `oddwire.operations.search` turns
these into Optuna's suggestions.
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
    """A conditional dimension: suggested only where another one has certain values.

    Parameters
    ----------
    name, values
        The other dimension, and its values for which this one is suggested.
    then
        What may be chosen there.
    otherwise
        The value elsewhere; None leaves it to the detector's default.
    """

    name: str
    values: tuple[str | int | float | bool, ...]
    then: FloatRange | IntRange | Choice
    otherwise: str | int | float | bool | None = None

    def holds(self, chosen: Mapping[str, Any]) -> bool:
        """Return whether the dimension is suggested, given what was chosen before it."""
        return chosen.get(self.name) in self.values


Dimension = FloatRange | IntRange | Choice | When

# Keys follow scikit-learn's double underscore: ``preprocessing__transform``, ``detector__gamma``.
# A `When` stands after the dimension that it names.
SearchSpace = Mapping[str, Dimension]
HyperParameters = Mapping[str, Any]


def with_prefix(prefix: str, params: HyperParameters) -> dict[str, Any]:
    """Return the hyperparameters whose names begin with a prefix, by their names without it."""
    return {
        name.removeprefix(prefix): value
        for name, value in params.items()
        if name.startswith(prefix)
    }


def relative_to(*values: str) -> When:
    """Return the dimension that chooses among which rows a number is scaled.

    Ranks are taken among all rows only: within a group a small change of benign traffic is a large
    one in ranks, and validation rows, which are of the same time as training rows, do not show what
    that costs (docs/decisions/0006-leaving-the-defaults.md).
    """
    transforms = ("log_standard", "standard")
    return When("preprocessing__transform", transforms, Choice(values), otherwise="all")
