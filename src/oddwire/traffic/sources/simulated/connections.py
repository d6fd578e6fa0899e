"""Rows of connections: what passes over the wire once two hosts speak a service.

Bytes, packets and duration of a row belong together: payload is cut into segments, the other side
acknowledges every second one, and a transfer takes its round trips plus bytes over bandwidth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from oddwire.traffic.sources.simulated.organisation import GATEWAY, is_inside, round_trip
from oddwire.traffic.sources.simulated.services import SERVICES, STATE_INDEX, STATES
from oddwire.traffic.sources.simulated.streams import Flags, Floats, Ints, chances

_LETTERS = np.frombuffer(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", dtype="S1"
)
_UID_LENGTH = 18

# Per state: packets of each side without payload, and how much of its payload each side sent
# (at least this share; the rest is chance).
_BARE = {
    "SF": (4, 3), "S0": (1, 0), "REJ": (1, 1), "RSTO": (4, 2), "RSTR": (3, 3), "S1": (2, 1),
    "S3": (3, 3), "SH": (2, 0), "OTH": (0, 0), "RSTOS0": (2, 0),
}  # fmt: skip
_SENT = {
    "SF": (1.0, 1.0), "RSTO": (0.6, 0.3), "RSTR": (0.3, 0.1), "S1": (1.0, 0.8), "S3": (0.8, 0.8),
    "OTH": (0.2, 0.2),
}  # fmt: skip
_SILENT = np.array([state not in _SENT for state in STATES])
_BARE_PACKETS = np.array([_BARE[state] for state in STATES], dtype=np.int64)
_LEAST_SENT = np.array([_SENT.get(state, (0.0, 0.0)) for state in STATES])

_PROTO = np.array([service.proto for service in SERVICES])
_PORT = np.array([service.port for service in SERVICES], dtype=np.int64)
_REQUEST = np.array([service.request for service in SERVICES])
_REPLY = np.array([service.reply for service in SERVICES])
_SPREAD = np.array([service.spread for service in SERVICES])
_PAUSE = np.array([service.pause for service in SERVICES])
_SEGMENT = np.array([service.segment for service in SERVICES])
_UNIFORM_SPREAD = 0.5  # below it, messages of a service are all of a size
_LARGEST = 4e10  # bytes in one direction; a backup of 40 GB is the most anyone sends


@dataclass(frozen=True)
class Connections:
    """Columns of connections, each of shape (n,); a negative number is unknown.

    Parameters
    ----------
    ts
        Seconds since the start.
    uid
        Zeek-like identifiers, 18 bytes each.
    service, state
        Positions in `SERVICES` and `STATES`.
    attack
        Position of the family, counted from 1; 0 is benign.
    campaign
        Which campaign of its family, counted from 1; 0 is benign.
    """

    ts: Floats
    uid: NDArray[np.bytes_]
    src_ip: Ints
    src_port: Ints
    dst_ip: Ints
    dst_port: Ints
    service: Ints
    duration: Floats
    src_bytes: Ints
    dst_bytes: Ints
    src_packets: Ints
    dst_packets: Ints
    state: Ints
    attack: Ints
    campaign: Ints

    def __len__(self) -> int:
        return len(self.ts)

    def take(self, rows: Flags | Ints) -> Connections:
        """Return some rows, by mask or by position."""
        return Connections(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def join(parts: Sequence[Connections]) -> Connections:
    """Put parts one below the other."""
    return Connections(
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Connections)
        }
    )


def is_udp_or_icmp(service: Ints) -> Flags:
    """Tell which rows have no TCP handshake."""
    return np.asarray(_PROTO[service] != "tcp", dtype=np.bool_)


def connect(
    rng: np.random.Generator,
    ts: Floats,
    ends: tuple[Ints, Ints],
    service: Ints,
    state: Ints,
    *,
    port: Ints | None = None,
    payload: tuple[Floats, Floats] | None = None,
    pause: Floats | None = None,
    attack: int = 0,
    campaign: int = 0,
) -> Connections:
    """Let pairs of hosts speak.

    Parameters
    ----------
    ts
        Seconds since the start, shape (n,), as are the other columns.
    ends
        Source and destination addresses.
    service, state
        Positions in `SERVICES` and `STATES`.
    port
        The responder's port where it is not the service's own.
    payload
        Bytes of request and reply, drawn from the service where not given.
    pause
        Seconds that are not transfer, drawn from the service where not given.
    attack
        The family, counted from 1; 0 is benign.
    campaign
        Which one of the family, counted from 1; 0 is benign.
    """
    count = len(ts)
    src_ip, dst_ip = ends[0], np.where(ends[0] == ends[1], GATEWAY, ends[1])
    state = _possible(service, state)
    request, reply = _payload(rng, service) if payload is None else payload
    waits = _PAUSE[service] * rng.lognormal(0.0, 0.9, count) if pause is None else pause
    sent = _LEAST_SENT[state] + (1.0 - _LEAST_SENT[state]) * rng.random((count, 2))
    sent[_SILENT[state]] = 0.0
    unheard = is_udp_or_icmp(service) & (state == STATE_INDEX["S0"])
    sent[unheard, 0] = 1.0
    request = np.where(unheard, np.minimum(request, 4.0 * _SEGMENT[service]), request)
    sizes = np.minimum(np.column_stack([request, reply]) * sent, _LARGEST).astype(np.int64)
    packets = _packets(rng, service, state, sizes)
    return Connections(
        ts=ts,
        uid=_uids(rng, count),
        src_ip=src_ip,
        src_port=_source_ports(rng, service, src_ip),
        dst_ip=dst_ip,
        dst_port=_PORT[service] if port is None else port,
        service=service,
        duration=_duration(rng, (src_ip, dst_ip), state, sizes, packets, waits),
        src_bytes=sizes[:, 0],
        dst_bytes=sizes[:, 1],
        src_packets=packets[:, 0],
        dst_packets=packets[:, 1],
        state=state,
        attack=np.full(count, attack, dtype=np.int64),
        campaign=np.full(count, campaign, dtype=np.int64),
    )


def _possible(service: Ints, state: Ints) -> Ints:
    """Without TCP there is an answer (SF) or there is none (S0)."""
    mute = (_REPLY[service] == 0) | (state != STATE_INDEX["SF"])
    return np.where(is_udp_or_icmp(service) & mute, STATE_INDEX["S0"], state)


def _payload(rng: np.random.Generator, service: Ints) -> tuple[Floats, Floats]:
    """Draw log-normal bodies; one TCP transfer in twenty-five has a Pareto tail (shape 1.2)."""
    count = len(service)
    common, own, other = rng.normal(size=(3, count)) * _SPREAD[service]
    tail = rng.pareto(1.2, count) + 1.0
    heavy = chances(rng, 0.04, count) & ~is_udp_or_icmp(service) & (_SPREAD[service] > 1.0)
    factor = np.where(heavy, tail, 1.0) * np.exp(0.6 * common)
    return (
        np.round(_REQUEST[service] * factor * np.exp(0.8 * own)),
        np.round(_REPLY[service] * factor * np.exp(0.8 * other)),
    )


def _packets(rng: np.random.Generator, service: Ints, state: Ints, sizes: Ints) -> Ints:
    datagrams = is_udp_or_icmp(service)
    # Programs rarely fill every segment.
    segment = _SEGMENT[service] * rng.uniform(0.55, 1.0, len(service))
    segment = np.where(_SPREAD[service] < _UNIFORM_SPREAD, _SEGMENT[service], segment)
    data = np.ceil(sizes / segment[:, None]).astype(np.int64)
    acknowledged = np.where(datagrams[:, None], 0, data[:, ::-1] // 2)
    bare = np.where(datagrams[:, None], 0, _BARE_PACKETS[state])
    retried = (state == STATE_INDEX["S0"]) & ~datagrams
    bare[:, 0] += np.where(retried, np.minimum(rng.geometric(0.45, len(state)) - 1, 4), 0)
    packets = data + acknowledged + bare
    packets[:, 0] = np.maximum(packets[:, 0], 1)
    answered = datagrams & (state == STATE_INDEX["SF"])
    packets[answered, 1] = np.maximum(packets[answered, 1], 1)
    return packets


def _duration(
    rng: np.random.Generator,
    ends: tuple[Ints, Ints],
    state: Ints,
    sizes: Ints,
    packets: Ints,
    waits: Floats,
) -> Floats:
    count = len(state)
    trip = round_trip(*ends) * rng.lognormal(0.0, 0.2, count)
    near = is_inside(ends[0]) & is_inside(ends[1])
    bandwidth = np.where(near, 3e7, 3e6) * rng.lognormal(0.0, 0.6, count)
    seconds = 2 * trip + waits + sizes.sum(axis=1) / bandwidth
    # An unanswered SYN is sent again after 1, 3, 7, 15 seconds (RFC 6298), then given up.
    retried = 2.0 ** np.minimum(packets[:, 0] - 1, 5) - 1.0
    silent = np.where(state == STATE_INDEX["S0"], retried, trip)
    whole = np.where(_SILENT[state], silent, seconds)
    return np.asarray(np.round(whole, 6), dtype=np.float64)


def _source_ports(rng: np.random.Generator, service: Ints, src_ip: Ints) -> Ints:
    """Draw ephemeral ports: odd addresses are Windows (RFC 6335), even ones Linux."""
    windows = rng.integers(49_152, 65_536, len(service))
    linux = rng.integers(32_768, 61_000, len(service))
    fixed = np.isin(_PORT[service], [67, 123, 5353]) & is_udp_or_icmp(service)
    ports = np.where(src_ip % 2 == 1, windows, linux)
    ports = np.where(fixed, _PORT[service] + (_PORT[service] == 67), ports)  # noqa: PLR2004 - DHCP
    return np.where(_PROTO[service] == "icmp", -1, ports)


def _uids(rng: np.random.Generator, count: int) -> NDArray[np.bytes_]:
    letters = _LETTERS[rng.integers(0, len(_LETTERS), (count, _UID_LENGTH))]
    letters[:, 0] = b"C"
    return np.ascontiguousarray(letters).view(f"S{_UID_LENGTH}").reshape(count)
