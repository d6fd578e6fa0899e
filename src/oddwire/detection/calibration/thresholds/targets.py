"""What is promised of false alarms: a number of a unit that people count, and its default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from oddwire.errors import ParameterError
from oddwire.percent import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oddwire.params import AlertSettings, TargetSettings
    from oddwire.traffic.units import Kind

TargetName = Literal["false_incidents_per_day", "share_of_units", "share_of_rows"]

LABELLED_RULES = ("best_f1", "precision")

INCIDENTS_PER_DAY = 30.0  # the default: what one person can look at
SHARE = 0.01


@dataclass(frozen=True)
class Target:
    """A target of false alarms.

    Parameters
    ----------
    name
        In what they are counted.
    value
        How many there may be.

    Examples
    --------
    >>> Target("false_incidents_per_day", 30.0).in_words, Target("share_of_units", 0.01).in_words
    ('30 false incidents a day', '1 % of benign units')
    """

    name: TargetName
    value: float

    def to_dict(self) -> dict[str, float]:
        """Return it as ``alerts.target`` is written."""
        return {self.name: self.value}

    @property
    def in_words(self) -> str:
        """What is promised, for a sentence."""
        return in_words(self.name, self.value)


def a_day(count: float) -> str:
    """Return how many incidents a day there are, without a unit.

    Examples
    --------
    >>> a_day(42.13), a_day(1234.5)
    ('42.1', '1,234')
    """
    return f"{count:,.0f}" if count >= 100 else f"{count:.3g}"  # noqa: PLR2004 - three digits


def in_words(name: str, value: float) -> str:
    """Return an amount of false alarms for a sentence."""
    if name == "false_incidents_per_day":
        return f"{a_day(value)} false incidents a day"
    return f"{percent(value)} of benign {'units' if name == 'share_of_units' else 'rows'}"


def target_in_words(target: Mapping[str, float]) -> str:
    """Return a target as `Target.to_dict` wrote it for a sentence; empty where there is none.

    Examples
    --------
    >>> target_in_words({"share_of_units": 0.01}), target_in_words({})
    ('1 % of benign units', '')
    """
    return ", ".join(in_words(name, value) for name, value in target.items())


def target_of(alerts: AlertSettings, *, kind: Kind, timed: bool) -> Target | None:
    """Return the target of the settings, or the default of what the rows are.

    Incidents per day where rows have sources and times; a share of the units where they have
    sources alone; else a share of the rows. A tail estimates shares.

    Parameters
    ----------
    alerts
        The settings.
    kind
        What the units of the rows are.
    timed
        Whether it is known how many rows a day brings.

    Returns
    -------
    Target or None
        None under a rule of `LABELLED_RULES`, which has no target.

    Raises
    ------
    ParameterError
        If incidents per day are asked for where the rows have no times.
    """
    if alerts.rule in LABELLED_RULES:
        return None
    if alerts.target is not None:
        return _given(alerts.target, kind=kind, timed=timed)
    if kind == "row":
        return Target("share_of_rows", SHARE)
    if kind == "source" or not timed or alerts.rule == "tail":
        return Target("share_of_units", SHARE)
    return Target("false_incidents_per_day", INCIDENTS_PER_DAY)


def _given(wanted: TargetSettings, *, kind: Kind, timed: bool) -> Target:
    if wanted.false_incidents_per_day is not None:
        if not timed:
            share = "share_of_rows" if kind == "row" else "share_of_units"
            raise ParameterError(
                "alerts.target.false_incidents_per_day needs a source with times, got rows "
                f"without: write `target: {{{share}: {SHARE}}}`, leave `target` out (each source "
                "then has a target that its rows allow), or name the `time` column"
            )
        return Target("false_incidents_per_day", wanted.false_incidents_per_day)
    if wanted.share_of_rows is not None:
        return Target("share_of_rows", wanted.share_of_rows)
    # Where a unit is a row, both are one.
    return Target(
        "share_of_rows" if kind == "row" else "share_of_units", wanted.share_of_units or SHARE
    )
