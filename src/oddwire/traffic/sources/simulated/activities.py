"""The habits of the organisation: a table of who does what, how often, when, and how it ends.

What is unusual but harmless is here on purpose: backups with huge bytes, a monitor that polls
everybody, a nightly vulnerability scan, jobs with a stale password, settings that name a retired
host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oddwire.traffic.sources.simulated.rhythm import RhythmName


@dataclass(frozen=True, kw_only=True)
class Activity:
    """One habit of the organisation.

    Parameters
    ----------
    name
        Names its stream of chance.
    share
        Share of all benign connections, relative to the others.
    source, target
        Roles of `Organisation`.
    services
        Services it speaks, with weights.
    rhythm
        When it happens.
    burst, gap
        Mean connections of a session, and mean seconds between them.
    regular
        Whether each pair of hosts has its turn at even intervals.
    outcomes
        Key of `OUTCOMES`.
    ports
        Ports tried at random, where it is not the service's own.
    """

    name: str
    share: float
    source: str
    target: str
    services: Mapping[str, float]
    rhythm: RhythmName = "office"
    burst: float = 1.0
    gap: float = 3.0
    regular: bool = False
    outcomes: str = "ordinary"
    ports: tuple[int, ...] = ()


_SCANNED = (21, 22, 23, 25, 53, 80, 110, 111, 135, 139, 143, 443, 445, 993, 1433, 3306, 3389, 8080)

ACTIVITIES: tuple[Activity, ...] = (
    Activity(
        name="browsing", share=27, source="workstation", target="site", burst=9, gap=2.5,
        services={"https": 78, "http": 9, "quic": 13},
    ),
    Activity(
        name="lookups", share=19, source="workstation", target="dns", burst=5, gap=1.2,
        services={"dns": 97, "dns_long": 3}, outcomes="reliable",
    ),
    Activity(
        name="server_lookups", share=5, source="server", target="dns", rhythm="machines",
        services={"dns": 1}, burst=2, outcomes="reliable",
    ),
    Activity(
        name="resolving", share=4, source="dns", target="resolver", rhythm="machines",
        services={"dns": 90, "dns_long": 10}, burst=3, gap=0.4,
    ),
    Activity(  # a virus scanner asks for reputations in long names, much as a tunnel does
        name="reputation", share=1.5, source="workstation", target="dns", burst=12, gap=0.8,
        services={"dns_long": 1}, outcomes="reliable",
    ),
    Activity(
        name="directory", share=5, source="workstation", target="directory", burst=2, gap=0.5,
        services={"ldap": 45, "kerberos": 55},
    ),
    Activity(
        name="files", share=5, source="workstation", target="file", services={"smb": 1},
        burst=2, gap=60, outcomes="lasting",
    ),
    Activity(
        name="mailbox", share=4, source="workstation", target="mail", regular=True,
        services={"imap": 30, "imaps": 70}, outcomes="lasting",
    ),
    Activity(
        name="sending", share=1, source="workstation", target="mail", services={"submission": 1}
    ),
    Activity(
        name="inbound_mail", share=2.5, source="sender", target="mail", rhythm="public",
        services={"smtp": 1}, burst=1.5, gap=20,
    ),
    Activity(
        name="outbound_mail", share=1, source="mail", target="mailhost", services={"smtp": 1}
    ),
    Activity(
        name="visitors", share=7, source="visitor", target="web", rhythm="public", burst=5,
        gap=1.5, services={"https": 80, "http": 20},
    ),
    Activity(
        name="web_backend", share=2, source="web", target="database", rhythm="public",
        services={"sql": 1}, burst=3, gap=0.5, outcomes="reliable",
    ),
    Activity(
        name="time", share=2.5, source="everyone", target="timeserver", rhythm="always",
        services={"ntp": 1}, regular=True, outcomes="reliable",
    ),
    Activity(  # as regular and as small as a beacon
        name="updates", share=4.5, source="workstation", target="vendor", rhythm="machines",
        services={"update": 1}, regular=True, outcomes="reliable",
    ),
    Activity(
        name="monitoring", share=4.5, source="monitor", target="everyone", rhythm="always",
        services={"ping": 45, "snmp": 35, "check": 20}, burst=14, gap=0.3, outcomes="ordinary",
    ),
    Activity(
        name="video", share=1, source="recorder", target="camera", rhythm="always",
        services={"rtsp": 1}, regular=True, outcomes="lasting",
    ),
    Activity(
        name="announcing", share=2, source="workstation", target="multicast",
        services={"mdns": 70, "ssdp": 30}, burst=3, gap=1.0,
    ),
    Activity(
        name="leases", share=0.6, source="workstation", target="directory",
        services={"dhcp": 1}, regular=True, outcomes="reliable",
    ),
    Activity(
        name="shells", share=1.2, source="engineer", target="server", burst=2, gap=120,
        services={"ssh": 1}, outcomes="lasting",
    ),
    Activity(
        name="remote_desktops", share=0.5, source="admin", target="server",
        services={"rdp": 70, "winrm": 30}, outcomes="lasting",
    ),
    Activity(  # software is handed out from workstation to workstation by an administrator
        name="rollouts", share=0.4, source="admin", target="workstation", burst=20, gap=4,
        services={"smb": 60, "winrm": 40}, outcomes="ordinary",
    ),
    Activity(
        name="printing", share=0.8, source="workstation", target="printer", burst=1.5, gap=40,
        services={"ipp": 60, "print": 40},
    ),
    Activity(
        name="backups", share=0.5, source="archive", target="server", rhythm="nightly",
        services={"backup": 1}, burst=4, gap=200, outcomes="reliable",
    ),
    Activity(
        name="syncing", share=1.2, source="workstation", target="cloud", services={"sync": 1},
        burst=2, gap=30,
    ),
    Activity(
        name="calls", share=0.6, source="workstation", target="cloud", services={"call": 1},
        burst=2, gap=1, outcomes="reliable",
    ),
    Activity(
        name="builds", share=1.5, source="build", target="site", burst=15, gap=0.6,
        services={"https": 1}, rhythm="machines",
    ),
    Activity(
        name="vulnerability_scan", share=0.4, source="scanner", target="everyone", burst=60,
        gap=0.15, rhythm="evenings", services={"probe": 1}, outcomes="swept", ports=_SCANNED,
    ),
    Activity(  # a host that is gone and still asked for
        name="retired_host", share=1.2, source="kiosk", target="retired", rhythm="machines",
        services={"smb": 50, "ipp": 50}, regular=True, outcomes="unanswered",
    ),
    Activity(
        name="refused_job", share=0.6, source="cron", target="server", rhythm="always",
        services={"sql": 40, "check": 60}, burst=4, gap=20, outcomes="refused",
    ),
    Activity(  # a password that was changed everywhere but in one job
        name="stale_password", share=0.5, source="cron", target="server", rhythm="always",
        services={"ssh_login": 1}, burst=10, gap=4, outcomes="login",
    ),
    Activity(
        name="mistyped_password", share=0.2, source="engineer", target="server",
        services={"ssh_login": 1}, burst=3, gap=7, outcomes="login",
    ),
    Activity(  # what every public address hears all day
        name="stray_packets", share=0.8, source="visitor", target="server", rhythm="always",
        services={"probe": 80, "https": 20}, outcomes="unanswered", ports=_SCANNED,
    ),
)  # fmt: skip
