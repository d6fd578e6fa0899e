"""Benign traffic: the activities of the organisation, performed."""

from __future__ import annotations

import numpy as np

from oddwire.traffic.sources.simulated.activities import Activity
from oddwire.traffic.sources.simulated.connections import Connections, connect, join
from oddwire.traffic.sources.simulated.organisation import Organisation
from oddwire.traffic.sources.simulated.rhythm import Clock
from oddwire.traffic.sources.simulated.services import OUTCOMES, SERVICE_INDEX, index
from oddwire.traffic.sources.simulated.streams import Floats, Ints, allot, draw, sessions, stream


def perform_all(
    activities: tuple[Activity, ...],
    seed: int,
    copy: str,
    count: int,
    organisation: Organisation,
    clock: Clock,
) -> Connections:
    """Share `count` connections out over activities, each with a stream of its own.

    ``copy`` names the streams, so that a second round of traffic differs from the first.
    """
    parts = allot(count, [activity.share for activity in activities])
    return join(
        [
            perform(activity, int(part), organisation, clock, stream(seed, copy + activity.name))
            for activity, part in zip(activities, parts, strict=True)
        ]
    )


def perform(
    activity: Activity,
    count: int,
    organisation: Organisation,
    clock: Clock,
    rng: np.random.Generator,
) -> Connections:
    """Make `count` connections of one activity."""
    ts, src = _turns(activity, count, organisation, clock, rng)
    if activity.target == "site":
        dst = organisation.favourites(rng, src)
    else:
        dst = organisation.pick(rng, activity.target, count)
    names, weights = list(activity.services), list(activity.services.values())
    service = index(names)[draw(rng, weights, count)]
    state = draw(rng, OUTCOMES[activity.outcomes], count)
    port = _ports(activity, service, rng) if activity.ports else None
    return connect(rng, ts, (src, dst), service, state, port=port)


def _turns(
    activity: Activity,
    count: int,
    organisation: Organisation,
    clock: Clock,
    rng: np.random.Generator,
) -> tuple[Floats, Ints]:
    """Return when each connection starts and who starts it."""
    if activity.regular:
        hosts = organisation.members[activity.source]
        turn, host = np.divmod(np.arange(count), len(hosts))
        phase = rng.random(len(hosts))[host] + rng.normal(0.0, 0.02, count)
        turns = max(1.0, count / len(hosts))
        return clock.times(activity.rhythm, np.mod((turn + phase) / turns, 1.0)), hosts[host]
    session = sessions(rng, count, activity.burst)
    number = int(session[-1]) + 1 if count else 0
    starts = clock.times(activity.rhythm, rng.random(number))
    waited = np.cumsum(rng.exponential(activity.gap, count))
    first = np.searchsorted(session, np.arange(number))
    ts = clock.inside(starts[session] + waited - waited[first][session])
    return ts, organisation.pick(rng, activity.source, number)[session]


def _ports(activity: Activity, service: Ints, rng: np.random.Generator) -> Ints:
    ports = np.array(activity.ports, dtype=np.int64)[
        draw(rng, [1] * len(activity.ports), len(service))
    ]
    return np.where(service == SERVICE_INDEX["https"], 443, ports)
