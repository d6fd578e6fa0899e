"""Alerts that a person has said not to send: for which hosts and services, until when, and why.

`apply_allow_list` does it, for alerts about to be sent and for those already stored. A suppressed
alert is kept, with the reason, and counted; it opens no incident. It is no benign label: training
never sees it.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from oddwire.errors import ParameterError, short_repr
from oddwire.live.alerts.alert import Alert
from oddwire.live.alerts.wire_names import ip_address

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_KEYS = ("source", "destination", "service", "expires", "reason")
# How logs write that a connection has no service: such an entry would cover nothing.
_NO_SERVICE = ("-", "(empty)", "none")
_PORT = re.compile(r"(?:[a-z]+/)?[0-9]+(?:/[a-z]+)?")
_ICMP = ("icmp6", "icmpv6", "ipv6-icmp")  # connections have one name for all of them
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class AllowEntry:
    """What not to send. Each part that is given must fit; at least one is.

    Parameters
    ----------
    source, destination
        Networks in which the connection's ends lie.
    service
        One of the connection's services, such as ``ssh``, or its protocol, such as ``icmp``, which
        has none; whatever its case.
    expires
        From when on it no longer holds, on the clock of the alerts; with a time zone.
    reason
        Why: people read it beside the suppressed alerts.
    """

    reason: str
    expires: dt.datetime
    source: Network | None = None
    destination: Network | None = None
    service: str | None = None

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Read an entry as people write it.

        Raises
        ------
        ParameterError
            If a key is unknown, or a value is missing or not what it must be.

        Examples
        --------
        >>> entry = AllowEntry.from_dict({
        ...     "source": "10.0.3.0/24", "service": "ssh", "expires": "2026-12-31",
        ...     "reason": "backups",
        ... })
        >>> entry.source, entry.expires.isoformat()
        (IPv4Network('10.0.3.0/24'), '2026-12-31T00:00:00+00:00')
        """
        if unknown := sorted(set(map(str, content)) - set(_KEYS)):
            raise ParameterError(
                f"an allow-list entry has the keys {', '.join(_KEYS)}, got {short_repr(unknown[0])}"
            )
        entry = cls(
            reason=_reason(content.get("reason")),
            expires=_expires(content.get("expires")),
            source=_network("source", content.get("source")),
            destination=_network("destination", content.get("destination")),
            service=_service(content.get("service")),
        )
        if (entry.source, entry.destination, entry.service) == (None, None, None):
            raise ParameterError(
                "an allow-list entry needs a source, a destination or a service, got none"
            )
        return entry

    def to_dict(self) -> dict[str, str]:
        """Return what `from_dict` reads."""
        content = {name: getattr(self, name) for name in _KEYS}
        content["expires"] = self.expires.isoformat()
        return {name: str(value) for name, value in content.items() if value is not None}

    def covers(self, alert: Alert) -> bool:
        """Return whether it says not to send an alert.

        An alert without a time is sent: nobody can say whether the entry still held.
        """
        held = (self.expires - _EPOCH) // dt.timedelta(microseconds=1)
        return (
            alert.clock is not None
            and alert.clock < held
            and _lies_in(alert.source.address, self.source)
            and _lies_in(alert.destination.address, self.destination)
            and (self.service is None or self.service in services_of(alert))
        )


def services_of(alert: Alert) -> tuple[str, ...]:
    """Return all that an entry may call the service of an alert's connection.

    Zeek joins the services of a connection by commas.
    """
    whole = (alert.service or "").lower()
    return tuple(filter(None, (whole, *whole.split(","), (alert.proto or "").lower())))


def apply_allow_list(alerts: Iterable[Alert], entries: Sequence[AllowEntry]) -> list[Alert]:
    """Return the alerts, suppressed by the first entry that covers each, or by none.

    What an earlier list said does not count, so that it can be applied again to stored alerts after
    entries were added, taken away or have expired.
    """
    return [
        alert.suppressed(next((entry.reason for entry in entries if entry.covers(alert)), None))
        for alert in alerts
    ]


def _lies_in(name: str | None, network: Network | None) -> bool:
    if network is None:
        return True
    address = ip_address(name)
    return address is not None and address.version == network.version and address in network


def _service(value: Any) -> str | None:
    if value is None:
        return None
    name = str(value).strip().lower()
    if not name or name in _NO_SERVICE or _PORT.fullmatch(name):
        raise ParameterError(
            "the service of an allow-list entry must be the name that the log has for it, such as "
            f"ssh, or a protocol, such as icmp, got {short_repr(str(value))}"
        )
    return "icmp" if name in _ICMP else name


def _network(key: str, value: Any) -> Network | None:
    if value is None:
        return None
    try:
        network = _as_addresses_are(ipaddress.ip_network(_without_zone(str(value))))
    except ValueError as error:
        raise ParameterError(
            f"the {key} of an allow-list entry must be an address or a network such as "
            f"10.0.3.0/24, got {short_repr(str(value))}"
        ) from error
    if network.prefixlen == 0:
        raise ParameterError(
            f"the {key} of an allow-list entry must not be every address, got {network}; leave it "
            "out if it does not matter"
        )
    return network


def _without_zone(text: str) -> str:
    """Return an address or a network without the zone of its address, which no IPv4 one has."""
    address, slash, length = text.partition("/")
    plain = address.partition("%")[0]
    return f"{plain}{slash}{length}" if ":" in plain else text


def _as_addresses_are(network: Network) -> Network:
    """Return a network of IPv4 addresses written as IPv6 ones as one of IPv4 addresses."""
    if not isinstance(network, ipaddress.IPv6Network) or not network.subnet_of(_MAPPED):
        return network
    first = network.network_address.ipv4_mapped
    return ipaddress.IPv4Network((int(first or 0), network.prefixlen - _MAPPED.prefixlen))


def _expires(value: Any) -> dt.datetime:
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            value = short_repr(value)
    elif isinstance(value, dt.date) and not isinstance(value, dt.datetime):  # as YAML reads a day
        value = dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    if not isinstance(value, dt.datetime):
        raise ParameterError(
            "an allow-list entry needs the date or time when it expires, such as 2026-12-31, "
            f"got {value}"
        )
    return value if value.tzinfo else value.replace(tzinfo=dt.UTC)


def _reason(value: Any) -> str:
    text = " ".join(str(value or "").split())
    if not text:
        raise ParameterError("an allow-list entry needs a reason, got none")
    return text
