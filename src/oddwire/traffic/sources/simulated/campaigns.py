"""Attack campaigns: one function per family, each loud or quiet.

A quiet campaign hides: it is slow, uses a busy service, or keeps to ordinary volumes. Some of
these look exactly like a benign activity, so that no detector can find them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from oddwire.traffic.sources.simulated.connections import Connections, connect
from oddwire.traffic.sources.simulated.organisation import Organisation
from oddwire.traffic.sources.simulated.services import OUTCOMES, SERVICE_INDEX, index
from oddwire.traffic.sources.simulated.streams import Floats, Ints, chance, chances, draw


@dataclass(frozen=True)
class Campaign:
    """One attacker at work for a while.

    Parameters
    ----------
    begin, end
        The slot of time it stays in, seconds since the start.
    attack
        Number of its family, counted from 1.
    number
        Which one of its family it is, counted from 1.
    """

    rng: np.random.Generator
    organisation: Organisation
    count: int
    begin: float
    end: float
    quiet: bool
    attack: int
    number: int

    def paced(self, gap: float, jitter: float) -> Floats:
        """Return times about `gap` seconds apart, closer where the slot is too short.

        Parameters
        ----------
        jitter
            How far a time may stray, as a share of the gap, in [0, 1].
        """
        length = min(self.count * gap, self.end - self.begin)
        begin = self.rng.uniform(self.begin, self.end - length)
        turn = np.arange(self.count) + 0.5 + jitter * (self.rng.random(self.count) - 0.5)
        return begin + turn / self.count * length

    def one(self, role: str) -> Ints:
        """Draw one host of a role for the whole campaign, shape (count,)."""
        hosts = self.organisation.members[role]
        return np.full(self.count, hosts[self.rng.integers(len(hosts))])

    def many(self, role: str) -> Ints:
        """Draw a host for each connection, none twice before all had a turn."""
        hosts = self.organisation.members[role]
        return self.rng.permutation(hosts)[np.arange(self.count) % len(hosts)]

    def service(self, *names: str) -> Ints:
        """Draw one service for the whole campaign, shape (count,)."""
        return np.full(self.count, index(list(names))[self.rng.integers(len(names))])

    def ending(self, outcomes: str) -> Ints:
        """Draw how each connection ends."""
        return draw(self.rng, OUTCOMES[outcomes], self.count)

    def about(self, median: float, spread: float) -> Floats:
        """Draw log-normal numbers, shape (count,)."""
        return median * self.rng.lognormal(0.0, spread, self.count)

    def connect(
        self,
        ts: Floats,
        ends: tuple[Ints, Ints],
        service: Ints,
        state: Ints,
        *,
        port: Ints | None = None,
        payload: tuple[Floats, Floats] | None = None,
        pause: Floats | None = None,
    ) -> Connections:
        """Make the connections of this campaign."""
        return connect(
            self.rng, ts, ends, service, state,
            port=port, payload=payload, pause=pause, attack=self.attack, campaign=self.number,
        )  # fmt: skip


_SWEPT_PORTS = (22, 23, 80, 445, 3389, 5900, 8080, 2323)
_HANDLER_PORTS = (4444, 8081, 50050, 1337)


def horizontal_scan(campaign: Campaign) -> Connections:
    """Try one port on many hosts; quiet: a connection every few minutes."""
    c = campaign
    ts = c.paced(c.rng.uniform(120, 900) if c.quiet else c.rng.uniform(0.03, 2.0), 1.0)
    src = c.one("workstation" if chance(c.rng, 0.4) else "attacker")
    dst = np.where(chances(c.rng, 0.6, c.count), c.many("unused"), c.many("everyone"))
    port = np.full(c.count, _SWEPT_PORTS[c.rng.integers(len(_SWEPT_PORTS))])
    return c.connect(ts, (src, dst), c.service("probe"), c.ending("scan"), port=port)


def vertical_scan(campaign: Campaign) -> Connections:
    """Try many ports on one host; quiet: in small bites over hours."""
    c = campaign
    ts = c.paced(c.rng.uniform(60, 600) if c.quiet else c.rng.uniform(0.02, 1.0), 1.0)
    src = c.one("attacker" if chance(c.rng, 0.6) else "workstation")
    port = c.rng.permutation(np.arange(1, 10_000))[np.arange(c.count) % 9_999]
    state = c.ending("swept" if c.quiet else "scan")
    return c.connect(ts, (src, c.one("server")), c.service("probe"), state, port=port)


def syn_flood(campaign: Campaign) -> Connections:
    """Open connections to a server from made-up addresses; quiet: a trickle among visitors."""
    c = campaign
    ts = c.paced(c.rng.uniform(4, 20) if c.quiet else c.rng.uniform(0.002, 0.05), 1.0)
    target = c.one("web") if chance(c.rng, 0.7) else c.one("mail")
    service = c.service("https", "http")
    return c.connect(ts, (c.many("spoofed"), target), service, c.ending("flood"))


def ssh_brute_force(campaign: Campaign) -> Connections:
    """Guess passwords; quiet: from many addresses, minutes apart."""
    c = campaign
    ts = c.paced(c.rng.uniform(90, 500) if c.quiet else c.rng.uniform(0.2, 2.5), 0.8)
    src = c.many("attacker") if c.quiet else c.one("attacker")
    service = np.full(c.count, SERVICE_INDEX["ssh_login"])
    return c.connect(ts, (src, c.one("server")), service, c.ending("login"))


def c2_beacon(campaign: Campaign) -> Connections:
    """Call home at even intervals; quiet: as seldom and as large as a software update."""
    c = campaign
    ends = c.one("workstation"), c.one("attacker")
    if c.quiet:
        ts = c.paced(c.rng.uniform(900, 3600), 0.6)
        return c.connect(ts, ends, c.service("update"), c.ending("reliable"))
    ts, service, port = c.paced(c.rng.uniform(2, 20), 0.15), c.service("https"), None
    if chance(c.rng, 0.5):  # or some port of its own, where nothing is recognised
        service = c.service("probe")
        port = np.full(c.count, _HANDLER_PORTS[c.rng.integers(len(_HANDLER_PORTS))])
    payload = (np.round(c.about(260, 0.02)), np.round(c.about(96, 0.02)))
    pause = c.about(0.05, 0.1)
    state = c.ending("reliable")
    return c.connect(ts, ends, service, state, port=port, payload=payload, pause=pause)


def dns_tunnel(campaign: Campaign) -> Connections:
    """Carry data in names; quiet: few queries, no longer than those of a virus scanner."""
    c = campaign
    src, service = c.one("workstation"), c.service("dns_long")
    if c.quiet:
        ts = c.paced(c.rng.uniform(20, 120), 0.9)
        return c.connect(ts, (src, c.one("dns")), service, c.ending("reliable"))
    # Through the organisation's own resolver, or straight to the attacker's name server.
    dst = c.one("dns") if chance(c.rng, 0.5) else c.one("attacker")
    payload = (np.round(c.about(232, 0.06)), np.round(c.about(760, 0.3)))
    ts, pause = c.paced(c.rng.uniform(0.05, 0.8), 0.8), c.about(0.09, 0.3)
    state = c.ending("reliable")
    return c.connect(ts, (src, dst), service, state, payload=payload, pause=pause)


def slow_exfiltration(campaign: Campaign) -> Connections:
    """Send files out; quiet: in pieces like any web page with a form."""
    c = campaign
    src = c.one("workstation") if chance(c.rng, 0.7) else c.one("file")
    ends = src, c.one("attacker")
    if c.quiet:
        payload = (np.round(c.about(14_000, 0.9)), np.round(c.about(4_000, 0.9)))
        ts = c.paced(c.rng.uniform(600, 3600), 1.0)
        return c.connect(ts, ends, c.service("https"), c.ending("ordinary"), payload=payload)
    payload = (np.round(c.about(9_000_000, 0.7)), np.round(c.about(4_000, 0.4)))
    ts, pause = c.paced(c.rng.uniform(60, 600), 0.5), c.about(40, 0.6)
    service, state = c.service("https", "ssh"), c.ending("reliable")
    return c.connect(ts, ends, service, state, payload=payload, pause=pause)


def lateral_movement(campaign: Campaign) -> Connections:
    """Go from a taken workstation to others; quiet: one at a time, as a user of the file server."""
    c = campaign
    src = c.one("workstation")
    if c.quiet:
        ts, service = c.paced(c.rng.uniform(300, 2400), 1.0), c.service("smb", "ssh")
        return c.connect(ts, (src, c.many("server")), service, c.ending("lasting"))
    service = index(["smb", "winrm", "rdp", "ssh_login"])[draw(c.rng, [5, 2, 1, 2], c.count)]
    ts, dst = c.paced(c.rng.uniform(0.5, 12), 1.0), c.many("everyone")
    return c.connect(ts, (src, dst), service, c.ending("swept"))


# Family → (share of all attacks, function). A label's number is the place here, from 1.
FAMILIES: dict[str, tuple[float, Callable[[Campaign], Connections]]] = {
    "horizontal_scan": (0.18, horizontal_scan),
    "vertical_scan": (0.15, vertical_scan),
    "syn_flood": (0.20, syn_flood),
    "ssh_brute_force": (0.14, ssh_brute_force),
    "c2_beacon": (0.10, c2_beacon),
    "dns_tunnel": (0.10, dns_tunnel),
    "slow_exfiltration": (0.05, slow_exfiltration),
    "lateral_movement": (0.08, lateral_movement),
}
