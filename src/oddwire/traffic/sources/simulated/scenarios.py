"""Drift: what changes from a day on.

Each scenario draws from streams of its own and leaves the rows before its first day as they were.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from oddwire.params import DriftScenario
from oddwire.traffic.sources.simulated.activities import Activity
from oddwire.traffic.sources.simulated.benign import perform_all
from oddwire.traffic.sources.simulated.connections import Connections, is_udp_or_icmp
from oddwire.traffic.sources.simulated.organisation import Organisation, is_inside
from oddwire.traffic.sources.simulated.rhythm import Clock
from oddwire.traffic.sources.simulated.services import STATE_INDEX
from oddwire.traffic.sources.simulated.streams import draw, stream

# Scenario → share of the day's connections that its newcomers take, and what they do.
NEWCOMERS: dict[DriftScenario, tuple[float, tuple[Activity, ...]]] = {
    "new_service": (
        0.2,
        (
            Activity(
                name="chatting", share=1, source="workstation", target="chat", burst=2, gap=30,
                services={"xmpp": 1}, outcomes="lasting",
            ),
        ),
    ),
    "new_subnet": (
        0.3,
        (
            Activity(
                name="telemetry", share=6, source="lab", target="broker", rhythm="always",
                services={"mqtt": 1}, regular=True, outcomes="reliable",
            ),
            Activity(
                name="sensing", share=3, source="broker", target="lab", rhythm="always",
                services={"coap": 1}, burst=8, gap=0.1, outcomes="reliable",
            ),
            Activity(
                name="firmware", share=1, source="lab", target="vendor", rhythm="nightly",
                services={"http": 1}, burst=2, gap=60,
            ),
        ),
    ),
}  # fmt: skip


def newcomers(
    scenario: DriftScenario,
    seed: int,
    count: int,
    organisation: Organisation,
    clock: Clock,
    begin: float,
) -> Connections:
    """Make `count` connections of a scenario's newcomers, all from `begin` (seconds) on."""
    _, activities = NEWCOMERS[scenario]
    made = perform_all(activities, seed, f"drift/{scenario}/", count, organisation, clock)
    # Squeezing the whole range into its last days would break the daily rhythm: fold by days.
    days = (clock.seconds - begin) / 86_400
    late = begin + np.mod(made.ts, 86_400) + 86_400 * (made.ts // 86_400 % days)
    return replace(made, ts=late)


def double_bytes(rows: Connections, begin: float) -> Connections:
    """Let every benign connection from `begin` on carry twice the bytes in twice the packets."""
    factor = np.where((rows.ts >= begin) & (rows.attack == 0), 2, 1)
    busy = np.where((rows.src_bytes + rows.dst_bytes) > 0, factor, 1)
    return replace(
        rows,
        src_bytes=rows.src_bytes * busy,
        dst_bytes=rows.dst_bytes * busy,
        src_packets=rows.src_packets * busy,
        dst_packets=rows.dst_packets * busy,
    )


def break_sensor(rows: Connections, seed: int, begin: float) -> Connections:
    """Blind the sensor at the border to replies from `begin` on.

    As in Zeek, what was never seen counts no packets, and its bytes are unknown. A TCP connection
    of which only one side is seen ends as S0, SH (a FIN was seen) or OTH (it began unseen).
    """
    crossing = is_inside(rows.src_ip) != is_inside(rows.dst_ip)
    blind = crossing & (rows.ts >= begin)
    tcp = np.array([STATE_INDEX[state] for state in ("S0", "SH", "OTH")])
    one_sided = tcp[draw(stream(seed, "drift/broken_sensor"), [50, 35, 15], len(rows))]
    state = np.where(is_udp_or_icmp(rows.service), STATE_INDEX["S0"], one_sided)
    return replace(
        rows,
        dst_bytes=np.where(blind, -1, rows.dst_bytes),
        dst_packets=np.where(blind, 0, rows.dst_packets),
        src_packets=np.where(blind, np.maximum(rows.src_packets, 1), rows.src_packets),
        state=np.where(blind, state, rows.state),
    )
