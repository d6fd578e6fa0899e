"""When campaigns run, and how large each is.

Every family has campaigns in the first three quarters of the time and in the last one, so that a
split by time finds all of them on both sides.
"""

from __future__ import annotations

import numpy as np

from oddwire.traffic.sources.simulated.campaigns import FAMILIES, Campaign
from oddwire.traffic.sources.simulated.connections import Connections, join
from oddwire.traffic.sources.simulated.organisation import Organisation
from oddwire.traffic.sources.simulated.rhythm import Clock
from oddwire.traffic.sources.simulated.streams import Floats, allot, stream

ATTACK_SHARE = 0.065
_EARLY = 0.75
_FEWEST_CAMPAIGNS, _ROWS_PER_CAMPAIGN = 8, 6
_HIDING = 3  # one campaign in three is quiet
_LOUD_TO_QUIET = 3.0  # connections of a loud campaign to those of a quiet one


def attacks(seed: int, count: int, organisation: Organisation, clock: Clock) -> Connections:
    """Make `count` connections of campaigns of every family (fewer than 8 leave some out)."""
    parts = allot(count, [share for share, _ in FAMILIES.values()], at_least=2)
    made = [
        _family(name, stream(seed, f"attack/{name}"), int(part), organisation, clock)
        for name, part in zip(FAMILIES, parts, strict=True)
        if part
    ]
    return join(made)


def _family(
    name: str, rng: np.random.Generator, count: int, organisation: Organisation, clock: Clock
) -> Connections:
    number = list(FAMILIES).index(name) + 1
    days = round(clock.seconds / 86_400)
    wanted = min(count // _ROWS_PER_CAMPAIGN, max(_FEWEST_CAMPAIGNS, days))
    slots = _slots(max(wanted, min(2, count))) * clock.seconds
    # One in so many hides, spread evenly over the time; where the pattern starts is chance.
    hides = (np.arange(len(slots) - 1) + rng.integers(_HIDING)) % _HIDING == 0
    weights = rng.lognormal(0.0, 0.5, len(hides)) * np.where(hides, 1.0, _LOUD_TO_QUIET)
    sizes = allot(count, weights, at_least=1)
    return join(
        [
            FAMILIES[name][1](
                Campaign(
                    rng=rng,
                    organisation=organisation,
                    count=int(sizes[place]),
                    begin=float(slots[place]),
                    end=float(slots[place + 1]),
                    quiet=bool(hides[place]),
                    attack=number,
                    number=place + 1,
                )
            )
            for place in range(len(sizes))
        ]
    )


def _slots(campaigns: int) -> Floats:
    """Cut the time range [0, 1] into slots, about a quarter of them in its last quarter."""
    if campaigns == 1:
        return np.array([0.0, 1.0])
    late = max(1, round(campaigns * (1.0 - _EARLY)))
    early = np.linspace(0.0, _EARLY, campaigns - late + 1)
    return np.concatenate([early, np.linspace(_EARLY, 1.0, late + 1)[1:]])
