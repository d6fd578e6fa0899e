"""False alarms against the target, in sentences and lines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from oddwire.detection.calibration.thresholds.targets import a_day, in_words
from oddwire.evaluation.observed import INCIDENTS, ROWS, UNITS, count_false_alarms, observe
from oddwire.percent import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oddwire.evaluation.observed import Observed
    from oddwire.evaluation.scored_rows import ScoredRows

HEADS = {INCIDENTS: "false incidents a day", UNITS: "benign units", ROWS: "benign rows"}
_ALERTED = {INCIDENTS: "incidents a day", UNITS: "of the units", ROWS: "of the rows"}
_VERBS = {"kept": "are consistent with", "above": "exceed", "below": "are below"}
UNLIKE = "these rows are not like the calibration rows"
ROUGHLY = "which the calibration rows set only roughly"  # why the interval may leave it out


def amount(name: str, value: float) -> str:
    """Return a figure of false alarms without its unit: a number, or a share in percent.

    Examples
    --------
    >>> amount("false_incidents_per_day", 42.13), amount("share_of_units", 0.0271)
    ('42.1', '2.71 %')
    """
    return a_day(value) if name == INCIDENTS else percent(value)


def target_sentence(observed: Observed) -> str:
    """Compare what was observed with the target, in the target's unit.

    Examples
    --------
    >>> from oddwire.evaluation.observed import ObservedRate, Observed
    >>> rate = ObservedRate(name="false_incidents_per_day", value=24.2, low=14.8, high=41.0)
    >>> target = {"false_incidents_per_day": 30.0}
    >>> target_sentence(Observed(rates=(rate,), target=target, verdict="kept", days=4.0))
    '24.2 false incidents a day (14.8 to 41) are consistent with the target of 30'
    """
    own = observed.own
    if own is None or observed.verdict is None:
        return ""
    low, high = amount(own.name, own.low), amount(own.name, own.high)
    text = f"{in_words(own.name, own.value)} ({low} to {high}) {_VERBS[observed.verdict]} the "
    text += f"target of {amount(own.name, observed.target[own.name])}"
    if observed.verdict == "above":
        return f"{text}: {UNLIKE}"
    within = own.low <= observed.target[own.name] <= own.high
    return text if within or observed.verdict == "below" else f"{text}, {ROUGHLY}"


def alerts_sentence(observed: Observed) -> str:
    """Say how many alerts rows of unknown label raise, beside the target, which is of benign ones.

    Examples
    --------
    >>> from oddwire.evaluation.observed import ObservedRate, Observed
    >>> rate = ObservedRate(name="false_incidents_per_day", value=44.2, low=24.8, high=71.0)
    >>> target = {"false_incidents_per_day": 30.0}
    >>> alerts_sentence(Observed(rates=(rate,), target=target, verdict="kept", days=4.0))
    '44.2 incidents a day (24.8 to 71); the target of benign traffic is 30'
    """
    own = observed.own
    if own is None:
        return ""
    wanted = amount(own.name, observed.target[own.name])
    alerts = alerts_in_words(own.name, own.value, own.low, own.high)
    return f"{alerts}; the target of benign traffic is {wanted}"


def alerts_in_words(name: str, value: float, low: float, high: float) -> str:
    """Return how many alerts rows of unknown label raise, with the interval.

    Examples
    --------
    >>> alerts_in_words("share_of_units", 0.0271, 0.02, 0.035)
    '2.71 % of the units (2 % to 3.5 %)'
    """
    shown, least, most = (amount(name, each) for each in (value, low, high))
    return f"{shown} {_ALERTED.get(name, name)} ({least} to {most})"


def alerts_of_all(
    scored: ScoredRows, threshold: float, target: Mapping[str, float], *, share_kept: float = 1.0
) -> str:
    """Say how many alerts rows raise, whatever their labels; empty where that is not known.

    Parameters
    ----------
    scored, threshold, share_kept
        As of `count_false_alarms`.
    target
        As of `observe`.
    """
    all_of_them = replace(scored, labels=np.zeros(len(scored.scores)))
    found = count_false_alarms(all_of_them, threshold, share_kept=share_kept)
    return alerts_sentence(observe(found, target)) if found else ""


def target_lines(observed: Observed | None) -> list[str]:
    """Return the figures of false alarms, that of the target first, with their intervals."""
    if observed is None:
        return ["false alarms unknown: no row is labelled as benign"]
    over = "" if observed.days is None else f" over {observed.days:.3g} days"
    lines = [f"false alarms{over}, with 95 % intervals"]
    for rate in observed.rates:
        low, high = amount(rate.name, rate.low), amount(rate.name, rate.high)
        value = amount(rate.name, rate.value)
        lines.append(f"  {HEADS[rate.name]:<22} {value:>8}   {low} to {high}")
    name = next(iter(observed.target), None)
    if name is None:
        return [*lines, "without a target"]
    return [*lines, target_sentence(observed) or f"the target, {HEADS[name]}, is not known here"]
