"""Alerts for tests, and text that does harm where it is not made harmless."""

from dataclasses import replace

from oddwire.live.alerts.alert import Alert, Endpoint, MadeBy, alert_id
from oddwire.live.alerts.kinds import Kind
from oddwire.live.alerts.reason import Reason
from oddwire.live.alerts.severity import severity_of

MINUTE = 60_000_000
NOON = 1_772_452_800_000_000  # 2026-03-02 12:00 UTC

HOSTILE = (
    "<script>alert(1)</script>",
    "\x1b[2J\x1b]0;owned\x07",
    "10.0.0.5\n10.0.0.6\r\nX-Header: 1",
    "\u202egnp.exe",
    "\ud800 alone",
    "x" * 1_000_000,
    "\0",
    "{{7*7}} ${jndi:ldap://evil} %s%n",
    "a" * 127 + "\U0001f600" * 5,
)

MADE_BY = MadeBy("office", "oddwire-office", "7", "3f2a", 0.61)


def some_alert(place="1", *, minutes=0.0, unit="10.0.0.5", target="10.0.0.9", p=1e-3, **given):
    """Return an alert; what is not given is ordinary."""
    clock = NOON + round(minutes * MINUTE)
    kind = given.pop("kind", Kind.SCAN)
    peers = Reason("src_peers_60s", 240.0, 3.0, 0.999, 0.0, 0.6)
    service = Reason("service", "ssh", "https", None, 0.02, 0.2)
    alert = Alert(
        id=alert_id("office", str(place)),
        made_by=MADE_BY,
        unit=unit,
        clock=clock,
        start=clock - 2_000_000,
        end=clock,
        uid="CHhAvVGS1DHFjwGM9",
        source=Endpoint(unit, 49_152, 1_200, 9, "inside"),
        destination=Endpoint(target, 22, 3_400, 8, "inside"),
        proto="tcp",
        service="ssh",
        score=0.71,
        p_value=p / 3,
        extrapolated=False,
        unit_p_value=p,
        kind=kind,
        severity=severity_of(unit_p_value=p, count=1, kind=kind),
        reasons=(peers, service),
    )
    return replace(alert, **given)
