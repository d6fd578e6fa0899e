"""The allow-list suppresses what it names and nothing else, until it expires."""

import datetime as dt

import pytest
from some_alerts import HOSTILE, NOON, some_alert

from oddwire.errors import ParameterError
from oddwire.live.alerts.alert import Endpoint
from oddwire.live.alerts.allow_entry import AllowEntry, apply_allow_list
from oddwire.live.alerts.wire_names import wire_name

LATER = "2026-03-03"


def entry(**given):
    return AllowEntry.from_dict({"expires": LATER, "reason": "backups", **given})


@pytest.mark.parametrize(("given", "covered"), [
    ({"source": "10.0.0.0/24"}, True),
    ({"source": "10.0.0.5"}, True),
    ({"source": "10.0.0.6"}, False),
    ({"destination": "10.0.0.8/31"}, True),
    ({"destination": "10.0.1.0/24"}, False),
    ({"service": "SSH"}, True),
    ({"service": "ss"}, False),
    ({"source": "10.0.0.5", "destination": "10.0.0.9", "service": "ssh"}, True),
    ({"source": "10.0.0.5", "destination": "10.0.0.9", "service": "http"}, False),
    ({"source": "10.0.0.5", "destination": "10.0.0.1"}, False),
    ({"source": "fe80::/10"}, False),
    ({"service": "ssh", "expires": "2026-03-02T12:00:00.000001Z"}, True),
    ({"service": "ssh", "expires": "2026-03-02T12:00:00Z"}, False),
    ({"service": "ssh", "expires": "2026-03-02T13:00:00+01:00"}, False),
    ({"service": "ssh", "expires": dt.date(2026, 3, 3)}, True),
])  # fmt: skip
def test_every_part_must_fit_and_the_entry_must_still_hold(given, covered):
    (alert,) = apply_allow_list([some_alert()], [entry(**given)])
    assert alert == some_alert(suppressed_by="backups" if covered else None)


def test_an_address_in_another_writing_is_the_same_address():
    alert = some_alert(source=Endpoint("::ffff:10.0.0.5"), destination=Endpoint("fe80::9%eth0"))
    covering = entry(source="10.0.0.5", destination="fe80::9")
    assert apply_allow_list([alert], [covering])[0].suppressed_by == "backups"


def test_a_network_in_another_writing_is_the_same_network():
    covering = entry(source="::ffff:10.0.0.0/120", destination="fe80::9%eth1")
    alert = some_alert(destination=Endpoint("fe80::9%eth0"))
    assert apply_allow_list([alert], [covering])[0].suppressed_by == "backups"
    assert covering.source == entry(source="10.0.0.0/24").source


def test_a_network_with_a_zone_is_as_large_as_it_says():
    assert entry(source="fe80::%eth0/64").source == entry(source="fe80::/64").source


@pytest.mark.parametrize(("service", "proto", "named", "covered"), [
    (None, "icmp", "icmp", True),  # Zeek's has no service
    (None, "icmp", "IPv6-ICMP", True),
    (None, "tcp", "icmp", False),
    ("dns", "udp", "udp", True),
    ("gssapi,smb,ntlm", "tcp", "smb", True),
    ("gssapi,smb,ntlm", "tcp", "gssapi,smb,ntlm", True),
    ("gssapi,smb,ntlm", "tcp", "gssapi,smb", False),
    (None, None, "ssh", False),
])  # fmt: skip
def test_a_service_is_one_of_the_connections_or_its_protocol(service, proto, named, covered):
    alert = some_alert(service=service, proto=proto)
    told = apply_allow_list([alert], [entry(service=named)])[0].suppressed_by
    assert told == ("backups" if covered else None)


def test_applied_again_only_today_s_list_counts():
    entries = [entry(service="ssh"), entry(source="10.0.0.5", reason="scanner")]
    first = apply_allow_list([some_alert()], entries)
    assert first[0].suppressed_by == "backups"
    assert apply_allow_list(first, entries) == first
    assert apply_allow_list(first, entries[1:])[0].suppressed_by == "scanner"
    assert apply_allow_list(first, []) == [some_alert()]


def test_an_alert_without_a_time_is_sent():
    assert (
        apply_allow_list([some_alert(clock=None)], [entry(service="ssh")])[0].suppressed_by is None
    )


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_hostile_hosts_are_in_no_network(text):
    name = wire_name(text)
    alert = some_alert(source=Endpoint(name), destination=Endpoint(name), service=name)
    entries = [entry(source="0.0.0.0/1"), entry(destination="10.0.0.0/8"), entry(service="ssh")]
    assert apply_allow_list([alert], entries) == [alert]


@pytest.mark.parametrize(("given", "says"), [
    ({}, "an allow-list entry needs a source, a destination or a service, got none"),
    ({"source": "10.0.0.5/24"}, ("the source of an allow-list entry must be an address or a "
     "network such as 10.0.3.0/24, got '10.0.0.5/24'")),
    ({"source": "10.0.0.0%x/8"}, "network such as 10.0.3.0/24, got '10.0.0.0%x/8'"),
    ({"source": "10.0.0.5%x"}, "network such as 10.0.3.0/24, got '10.0.0.5%x'"),
    ({"destination": "host.example"}, "the destination of an allow-list entry must be an address"),
    ({"source": "0.0.0.0/0"}, "the source of an allow-list entry must not be every address"),
    ({"source": "::/0", "service": "ssh"}, "must not be every address, got ::/0"),
    ({"service": " "}, ("the service of an allow-list entry must be the name that the log has for "
                        "it, such as ssh, or a protocol, such as icmp, got ' '")),
    ({"service": "-"}, "such as ssh, or a protocol, such as icmp, got '-'"),
    ({"service": 443}, "such as ssh, or a protocol, such as icmp, got '443'"),
    ({"service": "tcp/443"}, "such as ssh, or a protocol, such as icmp, got 'tcp/443'"),
    ({"source": "::ffff:0:0/96"}, "must not be every address, got 0.0.0.0/0"),
    ({"service": "ssh", "reason": " \n"}, "an allow-list entry needs a reason, got none"),
    ({"service": "ssh", "expires": None}, ("needs the date or time when it expires, such as "
     "2026-12-31, got None")),
    ({"service": "ssh", "expires": "never"}, "when it expires, such as 2026-12-31, got 'never'"),
    ({"service": "ssh", "port": 22}, ("an allow-list entry has the keys source, destination, "
     "service, expires, reason, got 'port'")),
])  # fmt: skip
def test_what_is_wrong_is_said(given, says):
    with pytest.raises(ParameterError) as error:
        entry(**given)
    assert says in str(error.value)


def test_an_entry_survives_its_dict():
    for given in ({"source": "10.0.0.0/24"}, {"destination": "fe80::/64", "service": "ssh"}):
        assert AllowEntry.from_dict(entry(**given).to_dict()) == entry(**given)
    assert entry(service="ssh").expires.timestamp() * 1e6 > NOON
