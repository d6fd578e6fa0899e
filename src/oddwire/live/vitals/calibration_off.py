"""Whether the calibration no longer fits the traffic, and what to do about it.

More alarms than the target allows of false ones need not be false: attacks raise as many. What
attacks hardly change is how many units come *near* the threshold, and benign traffic that has moved
does. So calibration is said to be off where both are more than they should be, or both are less.
Where a few sources raise all that is too much, they are named instead.
`benchmarks/watched_rate.py` and decision 0038 have how often that is right.
"""

from __future__ import annotations

import shlex
from collections import Counter

from oddwire.detection.calibration.thresholds.targets import in_words
from oddwire.evaluation.observed import INCIDENTS, Observed
from oddwire.evaluation.target_lines import amount
from oddwire.live.alerts.wire_names import ip_address
from oddwire.live.vitals.observed_rate import HOURS, NOBODY, RatesSoFar, Sums
from oddwire.percent import percent
from oddwire.traffic.wire_text import printable

ABOVE_HOURS, ABOVE_DAYS = 72, 2.5  # a day is not like another
BELOW_DAYS = 6.0  # of a week: a weekend brings less than other days
_MOST_NOISY = 3  # sources
_TOO_MANY = 1.5  # times the target, from which on they are looked for
_LONGEST = 140
_EXPIRES = "30d"


def calibration_off(rates: RatesSoFar, source: str, *, adaptive: bool = False) -> str | None:
    """Say what is wrong with the calibration and what mends it; None where nothing seems to be.

    Parameters
    ----------
    rates
        What was scored lately.
    source
        The name of the source, for the commands.
    adaptive
        Whether the threshold follows drift already.
    """
    return _above(rates, source, adaptive=adaptive) or _below(rates, source, adaptive=adaptive)


def _above(rates: RatesSoFar, source: str, *, adaptive: bool) -> str | None:
    sums = rates.over(ABOVE_HOURS, own=True)
    found = rates.observed(sums) if rates.target and sums.days >= ABOVE_DAYS else None
    if found is None:
        return None
    rate = _rate(rates, found, sums, "exceed")
    if noisy := _noisy(rates, found, sums, source):
        return f"{rate}, and {noisy}"
    near = rates.observed_near(sums)
    if near is None or (found.verdict, near.verdict) != ("above", "above"):
        return None
    times = near.rates[0].value / near.target[INCIDENTS]
    return (
        f"calibration is off: {rate}, and {times:.2g} times as many hosts as in calibration come "
        f"near the threshold; {_remedy(source, adaptive=adaptive)}"
    )


def _below(rates: RatesSoFar, source: str, *, adaptive: bool) -> str | None:
    sums = rates.over(HOURS["week"], own=True)
    found = rates.observed(sums) if rates.target and sums.days >= BELOW_DAYS else None
    near = rates.observed_near(sums)
    if found is None or near is None or (found.verdict, near.verdict) != ("below", "below"):
        return None
    return (
        f"calibration is off: {_rate(rates, found, sums, 'are below')}, so that attacks may be "
        "missed which the target has room for; look whether traffic is missing, and "
        f"{_remedy(source, adaptive=adaptive)}"
    )


def _rate(rates: RatesSoFar, found: Observed, sums: Sums, verb: str) -> str:
    ((name, target),) = rates.target.items()
    rate, per = found.rates[0], rates.per(sums)
    value, low, high = (each / per for each in (rate.value, rate.low, rate.high))
    told = in_words(name, value).replace("false ", "").replace("benign ", "")
    interval = f"({amount(name, low)} to {amount(name, high)})"
    return f"{told} {interval} {verb} the target of {amount(name, target)}"


def _remedy(source: str, *, adaptive: bool) -> str:
    train = f"train again (`oddwire train {shlex.quote(source)}`)"
    return train if adaptive else f"{train}, or let the threshold follow (`--adaptive`)"


def _noisy(rates: RatesSoFar, found: Observed, sums: Sums, source: str) -> str | None:
    """Name the few sources without which the target would be kept, if there are such.

    That is counted and not estimated: what a single source does makes no verdict on all of them.
    """
    if found.rates[0].value < _TOO_MANY * found.target[INCIDENTS]:
        return None
    named = Counter({
        name: count
        for name, count in sums.hits.items()
        if name.isprintable() and name != NOBODY
    })  # fmt: skip
    top = [name for name, _ in named.most_common(_MOST_NOISY)]
    for number in range(1, len(top) + 1):
        rest = rates.observed(sums, without=top[:number])
        if rest is not None and rest.rates[0].value <= rest.target[INCIDENTS]:
            share = sum(named[name] for name in top[:number]) / sums.hits.total()
            names = " and ".join(printable(name, _LONGEST) for name in top[:number])
            raised = f"{names} raised {percent(share, digits=2)} of them"
            return f"{raised}: if that is harmless, {_allow(top[:number], source)}"
    return None


def _allow(names: list[str], source: str) -> str:
    commands = [
        f"`oddwire allow add --source {address} --for {shlex.quote(source)} --expires {_EXPIRES} "
        "--reason ...`"
        for address in map(ip_address, names)
        if address is not None
    ]
    return " and ".join(commands) if len(commands) == len(names) else "put them on the allow-list"
