"""Who is there: hosts with roles, and the outside that they talk to.

Inside are private addresses. Outside are the ranges kept for documentation (RFC 5737) and for
benchmarks (RFC 2544), so that no simulated row names anybody's real host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from oddwire.traffic.sources.simulated.streams import Flags, Floats, Ints, chances, draw, stream

INSIDE = 0x0A14_0000  # 10.20.0.0/16
GATEWAY = INSIDE + 1
_BENCHMARK = 0xC612_0000  # 198.18.0.0/15
_DOCUMENTATION = (0xC000_0200, 0xC633_6400, 0xCB00_7100)  # 192.0.2, 198.51.100, 203.0.113
_HOSTS_PER_SUBNET = 240

# One address each, in the subnet of the servers.
_SERVERS = (
    "dns", "dns_spare", "mail", "file", "web", "directory", "database", "build", "archive",
    "recorder", "monitor", "scanner", "cron",
)  # fmt: skip


@dataclass(frozen=True)
class Organisation:
    """Addresses by role, and how busy each member of a role is.

    Parameters
    ----------
    members
        Role → addresses as integers, shape (k,).
    habits
        Role → weights of its members, shape (k,): a few are far busier than the rest.
    """

    members: Mapping[str, Ints]
    habits: Mapping[str, Floats]

    def pick(self, rng: np.random.Generator, role: str, count: int) -> Ints:
        """Draw members of a role by how busy they are, shape (count,)."""
        return self.members[role][draw(rng, self.habits[role], count)]

    def favourites(self, rng: np.random.Generator, sources: Ints) -> Ints:
        """Draw an outside site for each source: mostly its own few, at times a popular one."""
        sites = self.members["site"]
        own = (sources * 2_654_435_761 + rng.geometric(0.3, len(sources)) * 40_503) % len(sites)
        popular = draw(rng, self.habits["site"], len(sources))
        return sites[np.where(chances(rng, 0.45, len(sources)), own, popular)]


def is_inside(addresses: Ints) -> Flags:
    """Tell which addresses are the organisation's own."""
    return np.asarray((addresses >> 16) == (INSIDE >> 16), dtype=np.bool_)


def round_trip(sources: Ints, targets: Ints) -> Floats:
    """Return seconds of a round trip: fixed for each pair of hosts, short between own hosts."""
    far = ~(is_inside(sources) & is_inside(targets))
    mix = ((sources * 48_271 + targets * 69_621) % 65_521) / 65_521
    return np.where(far, 0.006 + 0.16 * mix**2, 0.0003 + 0.0015 * mix)


def subnet(third: int, count: int) -> Ints:
    """Return the first `count` hosts from 10.20.`third`.10 on, over as many /24 as it takes."""
    number = np.arange(count)
    return INSIDE + ((third + number // _HOSTS_PER_SUBNET) << 8) + 10 + number % _HOSTS_PER_SUBNET


def found(seed: int, connections_per_day: int) -> Organisation:
    """Found the organisation of a seed, larger when it makes more connections."""
    rng = stream(seed, "organisation")
    members = _inside(int(np.clip(connections_per_day // 100, 12, 900))) | _outside(rng)
    members["server"] = np.concatenate([members[role] for role in _SERVERS])
    stations = members["workstation"]
    members["engineer"] = stations[:: max(2, len(stations) // 12)]
    members["admin"] = stations[1:3]
    own = ("workstation", "server", "printer", "camera", "kiosk")
    members["everyone"] = np.concatenate([members[role] for role in own])
    spread = {"site": 1.6, "visitor": 1.0, "sender": 1.2, "workstation": 0.7, "engineer": 0.6}
    habits = {
        role: rng.lognormal(0.0, spread.get(role, 0.25), len(addresses))
        for role, addresses in members.items()
    }
    return Organisation(members, habits)


def _inside(stations: int) -> dict[str, Ints]:
    servers = subnet(0, len(_SERVERS))
    small = max(2, stations // 20)
    return {
        **{role: servers[place : place + 1] for place, role in enumerate(_SERVERS)},
        "printer": subnet(8, min(small, 40)),
        "camera": subnet(9, min(2 * small, 60)),
        "kiosk": subnet(10, min(small, 40)),
        "lab": subnet(64, int(np.clip(stations // 2, 12, 200))),
        "chat": subnet(1, 1),
        "broker": subnet(65, 1),
        "retired": subnet(2, 3),  # machines switched off, which some settings still name
        "unused": subnet(3, 200),
        "workstation": subnet(16, stations),
        "multicast": np.array([0xE000_00FB, 0xEFFF_FFFA]),
        "broadcast": np.array([INSIDE + 0xFFFF]),
    }


def _outside(rng: np.random.Generator) -> dict[str, Ints]:
    far = _BENCHMARK + rng.permutation(np.arange(1, 1 << 17))
    near = np.concatenate([base + np.arange(1, 255) for base in _DOCUMENTATION])
    near = rng.permutation(near)
    return {
        "site": far[:1500],
        "visitor": far[1500:7500],
        "sender": far[7500:8000],
        "spoofed": far[8000:],
        "vendor": near[:24],
        "cloud": near[24:30],
        "resolver": near[30:32],
        "timeserver": near[32:36],
        "mailhost": near[36:120],
        "attacker": near[120:],
    }
