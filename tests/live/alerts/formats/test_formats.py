"""Alerts and incidents are what ECS and OCSF publish, whatever the wire says.

``ecs_9_4_0.json`` has, of the fields that are used, the type, whether it is an array and the values
allowed, as the package ``@elastic/ecs`` 9.4.0 of the npm registry has them (Apache License 2.0).
OCSF's schema comes whole with the package ``ocsf-json-schema``.
"""

import ipaddress
import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from some_alerts import HOSTILE, NOON, some_alert

from oddwire.live.alerts.alert import Endpoint
from oddwire.live.alerts.formats import ecs, ocsf
from oddwire.live.alerts.formats.feature_words import in_words
from oddwire.live.alerts.formats.quiet import Quiet, quiet_document, quiet_event
from oddwire.live.alerts.formats.wording import why
from oddwire.live.alerts.incidents import OpenIncidents
from oddwire.live.alerts.kinds import Kind
from oddwire.live.alerts.reason import Reason
from oddwire.live.alerts.severity import Severity
from oddwire.live.alerts.wire_names import wire_name
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES

ECS_FIELDS = json.loads((Path(__file__).parent / "ecs_9_4_0.json").read_text(encoding="utf-8"))
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_FITS = {
    "keyword": lambda value: isinstance(value, str) and len(value) <= 32_766,
    "match_only_text": lambda value: isinstance(value, str),
    "long": lambda value: type(value) is int and -(2**63) <= value < 2**63,
    "float": lambda value: isinstance(value, float | int) and abs(value) < 3e38,
    "date": lambda value: bool(_DATE.fullmatch(value)),
    "ip": lambda value: bool(ipaddress.ip_address(value)),
}


def fields_of(document, before=""):
    for name, value in document.items():
        if isinstance(value, dict):
            yield from fields_of(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def check_ecs(document):
    json.dumps(document, allow_nan=False)
    found = {name: value for name, value in fields_of(document) if not name.startswith("oddwire.")}
    assert {name for name, field in ECS_FIELDS.items() if field.get("required")} <= found.keys()
    for name, value in found.items():
        field = ECS_FIELDS[name]
        assert isinstance(value, list) == field["array"] or field["type"] == "ip", name
        for each in value if isinstance(value, list) else [value]:
            assert _FITS[field["type"]](each), (name, each)
            assert each in field.get("allowed", [each]), (name, each)
    return document


@cache
def ocsf_validator(name="detection_finding"):
    from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(ocsf.VERSION))
    found = schema.get_class_schema(name, [])
    return Draft202012Validator({**found, "additionalProperties": False})


def check_ocsf(finding, name="detection_finding"):
    json.dumps(finding, allow_nan=False)
    ocsf_validator(name).validate(finding)
    return finding


def changes_of(*alerts):
    incidents = OpenIncidents()
    return [
        *incidents.update(alerts).changes,
        *incidents.update([], NOON + 10**12).changes,
    ]


def bare(**given):
    """Return an alert of a table's row, of which hardly anything is known."""
    return some_alert(
        unit=None, clock=None, start=None, end=None, uid=None, source=Endpoint(),
        destination=Endpoint(), proto=None, service=None, reasons=(), **given,
    )  # fmt: skip


def six():
    ends = Endpoint("fe80::1%eth0", 128), Endpoint("2001:db8::9", 0, side="outside")
    return some_alert(
        9, unit="fe80::1%eth0", proto="icmp", source=ends[0], destination=ends[1],
        kind=Kind.TUNNEL,
    )  # fmt: skip


ALERTS = [
    *(some_alert(kind, kind=kind, p=10.0**-n) for n, kind in enumerate(Kind)),
    bare(),
    six(),
    some_alert(2, suppressed_by="backups"),
]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.kind.value)
def test_alerts_are_valid(alert):
    check_ecs(ecs.alert_document(alert, observer="sensor-1", version="1.0", incident="8f"))
    check_ocsf(ocsf.alert_finding(alert, version="1.0", incident="8f"))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.kind.value)
def test_incidents_are_valid(alert):
    alert = alert.suppressed(None)
    changes = changes_of(alert, *(replace(alert, id=f"{n:032x}") for n in range(3)))
    assert [change.what for change in changes][-1] == "closed"
    for change in changes:
        check_ecs(ecs.incident_document(change, observer="sensor-1", version="1.0"))
        check_ocsf(ocsf.incident_finding(change, version="1.0"))


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_hostile_text_stays_text_on_one_short_line(text):
    name = wire_name(text)
    alert = some_alert(
        unit=name, proto=name, service=name, uid=name,
        source=Endpoint(name, 1), destination=Endpoint(name, 2),
    )  # fmt: skip
    change = changes_of(alert)[0]
    for document in (
        check_ecs(ecs.alert_document(alert, observer="sensor-1", version="1.0")),
        check_ecs(ecs.incident_document(change, observer="sensor-1", version="1.0")),
        check_ocsf(ocsf.alert_finding(alert, version="1.0")),
        check_ocsf(ocsf.incident_finding(change, version="1.0")),
    ):
        written = json.dumps(document, ensure_ascii=False)
        assert written.isprintable()
        assert len(written.encode()) < 6_000
        assert "\n" not in written


def test_the_ecs_of_an_alert_says_what_the_analyst_asks():
    alert = some_alert(kind=Kind.LATERAL_MOVEMENT, p=1e-5)
    document = ecs.alert_document(alert, observer="sensor-1", version="1.0", incident="8f")
    found = dict(fields_of(document))
    assert found["event.kind"] == "alert"
    assert found["event.category"] == ["intrusion_detection", "network"]
    assert (found["event.id"], found["oddwire.incident"]) == (alert.id, "8f")
    assert found["@timestamp"] == "2026-03-02T12:00:00.000000Z"
    assert found["event.duration"] == 2_000_000_000
    assert found["event.reason"] == (
        "lateral movement: as unusual as about 1 in 100,000 benign hosts in ten minutes; "
        "targets of the source in a minute: 240 (typically 3); service: ssh (typically https)"
    )
    assert (found["event.severity"], found["event.risk_score"]) == (99, 85.4)
    assert found["rule.version"] == found["oddwire.model_version"] == "7"
    assert (found["source.ip"], found["destination.port"]) == ("10.0.0.5", 22)
    assert (found["network.bytes"], found["network.direction"]) == (4600, "internal")
    # Of the reference implementation, `communityid` 1.5.0.
    assert found["network.community_id"] == "1:nPogzu1QRKKZJXDu4AwKAxHmAkU="
    assert found["oddwire.features"][0] == {
        "name": "src_peers_60s", "number": 240.0, "typical_number": 3.0,
        "benign_quantile": 0.999, "benign_share": 0.0, "share": 0.6,
    }  # fmt: skip


def test_an_incident_is_told_under_one_id_in_ocsf_and_sent_under_one_id_each_in_ecs():
    changes = changes_of(some_alert(1), some_alert(2, minutes=1))
    findings = [ocsf.incident_finding(change, version="1.0") for change in changes]
    assert len({finding["finding_info"]["uid"] for finding in findings}) == 1
    assert [finding["activity_name"] for finding in findings] == ["Create", "Update", "Close"]
    assert [finding["type_uid"] for finding in findings] == [200401, 200402, 200403]
    sent = [ecs.incident_document(change, observer="s", version="1") for change in changes]
    assert len({document["event"]["id"] for document in sent}) == 3


@pytest.mark.parametrize("what", ["quiet", "going on"])
@pytest.mark.parametrize("source", ["office", "\x1b[2J<b>\n"])
def test_a_quiet_source_is_a_valid_event(what, source):
    quiet = Quiet(what, source, NOON - 15 * 60_000_000, NOON)
    document = check_ecs(quiet_document(quiet, observer="sensor-1", version="1.0"))
    found = dict(fields_of(document))
    assert (found["event.kind"], found["event.id"]) == ("event", quiet.id)
    assert found["event.start"] == "2026-03-02T11:45:00.000000Z"
    assert "15 min" in found["message"]
    assert found["message"].isprintable()
    event = check_ocsf(quiet_event(quiet, version="1.0"), "application_error")
    assert event["type_uid"] == {"quiet": 600801, "going on": 600899}[what]
    assert event["end_time"] - event["start_time"] == 15 * 60_000
    assert not ocsf_validator("application_error").is_valid(event | {"activity_id": 42})


def test_the_checks_here_can_fail():
    document = ecs.alert_document(some_alert(), observer="sensor-1", version="1.0")
    finding = ocsf.alert_finding(some_alert(), version="1.0")
    for broken in (
        {**document, "source": {"ip": "not an address"}},
        {**document, "source": {"colour": "red"}},
        {**document, "event": {"kind": "oddity"}},
    ):
        with pytest.raises((AssertionError, KeyError, ValueError)):
            check_ecs(broken)
    for name in ("severity_id", "finding_info", "metadata", "time"):
        broken = {key: value for key, value in finding.items() if key != name}
        assert not ocsf_validator().is_valid(broken), name
    assert not ocsf_validator().is_valid(finding | {"severity_id": 42})
    assert {severity.word for severity in Severity} == {"low", "medium", "high", "critical"}


@pytest.mark.parametrize("feature", CONNECTION_FEATURES.columns)
def test_every_feature_of_connections_is_told_in_words(feature):
    value, typical = (0.75, 0.25) if feature in CONNECTION_FEATURES.numeric else ("rare", "common")
    told = in_words(Reason(feature, value, typical, 0.999, 0.0, 0.5))
    assert "_" not in told
    assert any(part in told for part in (": ", "new here", "than usual"))


def test_of_one_thing_in_three_time_windows_a_sentence_has_the_first():
    peers = [Reason(f"src_peers_{s}s", 9.0, 1.0, 0.99, 0.0, 0.3) for s in (60, 10, 600)]
    sent = Reason("src_bytes", 2e6, 300.0, 0.99, 0.0, 0.1)
    told = why(some_alert(reasons=(*peers, sent)))
    assert told.endswith(
        "; targets of the source in a minute: 9 (typically 1); bytes sent: 2 MB (typically 300)"
    )
