"""The kind of an alert follows from what set it apart and what its connection is."""

from dataclasses import replace

import pytest

from oddwire.live.alerts.kinds import Ends, Kind, kind_of
from oddwire.live.alerts.reason import Reason
from oddwire.live.alerts.severity import Severity, risk_score, severity_of
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES


def high(feature, share=0.5, value=99.0):
    return Reason(feature, value, 1.0, 0.999, 0.0, share)


def low(feature, share=0.5):
    return Reason(feature, 0.0, 9.0, 0.001, 0.0, share)


def rare(feature, share=0.5):
    return Reason(feature, "rare", "common", None, 0.001, share)


INSIDE, OUT = Ends("inside", "inside", 443, "tcp"), Ends("inside", "outside", 443, "tcp", "ssl")
UPLOAD = Ends("inside", "outside", 443, "tcp", "ssl", 9_000_000, 4_000)


@pytest.mark.parametrize(("reasons", "ends", "kind"), [
    ([high("src_peers_60s")], INSIDE, Kind.SCAN),
    ([high("pair_ports_600s"), rare("dst_port_class", 0.3)], INSIDE, Kind.SCAN),
    ([high("dst_connections_10s")], Ends("outside", "inside", 443), Kind.FLOOD),
    ([high("dst_connections_10s")], Ends("outside", "inside", 53, "udp", "dns"), Kind.FLOOD),
    ([high("dst_connections_10s")], Ends("outside", "inside", 0, "icmp"), Kind.FLOOD),
    ([high("dst_connections_10s")], Ends(None, None, 53, "udp", "dns"), Kind.TUNNEL),
    ([high("pair_connections_60s")], Ends("outside", "inside", 22), Kind.BRUTE_FORCE),
    ([high("src_peers_60s")], Ends("inside", "inside", 445), Kind.LATERAL_MOVEMENT),
    ([high("src_peers_60s")], Ends("outside", "inside", 445), Kind.SCAN),
    ([high("new_dst_interval_evenness")], OUT, Kind.BEACON),
    ([high("new_dst_bytes")], UPLOAD, Kind.EXFILTRATION),
    ([high("src_port_size_shift")], Ends("inside", "inside", 53, "udp", "dns"), Kind.TUNNEL),
    ([high("src_bytes_per_packet")], Ends("inside", "outside", 0, "icmp"), Kind.TUNNEL),
    ([rare("service")], OUT, Kind.NEW_SERVICE),
    ([high("duration")], OUT, Kind.ODD_VOLUME),
    ([high("somebody_s_own_column")], OUT, Kind.UNUSUAL),
    ([], Ends(), Kind.UNUSUAL),
    # What says more needs less of the explanation than what is vague.
    ([rare("conn_state", 0.6), high("src_peers_60s", 0.13)], INSIDE, Kind.SCAN),
    ([rare("conn_state", 0.6), high("src_peers_60s", 0.12)], INSIDE, Kind.NEW_SERVICE),
    ([rare("conn_state", 0.24)], INSIDE, Kind.UNUSUAL),
    # Few of anything is no scan and no flood.
    ([low("src_peers_60s")], INSIDE, Kind.UNUSUAL),
    ([high("src_ports_60s", value=2.0)], INSIDE, Kind.ODD_VOLUME),
    ([high("dst_peers_10s", value=2.0)], Ends("outside", "inside", 443), Kind.ODD_VOLUME),
    ([high("dst_peers_10s", value=3.0)], Ends("outside", "inside", 443), Kind.FLOOD),
    ([high("dst_failure_share_60s", value=1.0)], INSIDE, Kind.ODD_VOLUME),
    # The last of many small pieces of a file, and a small call to a new host.
    ([high("new_dst_bytes", value=9e6), high("new_dst_connections", 0.3)], OUT, Kind.EXFILTRATION),
    ([high("new_dst_bytes", value=420.0), high("new_dst_connections", 0.3)], OUT, Kind.BEACON),
])  # fmt: skip
def test_what_an_alert_looks_like(reasons, ends, kind):
    assert kind_of(reasons, ends) == kind


KNOCK = Ends("outside", "inside", 7732, "tcp", failed=True)


@pytest.mark.parametrize(("reasons", "ends", "kind"), [
    # From outside, in vain, at a port that is rarely tried.
    ([rare("src_side", 0.6), rare("dst_port_class", 0.3)], KNOCK, Kind.SCAN),
    ([rare("src_side", 0.8), rare("dst_port_class", 0.1), high("pair_ports_600s", 0.04, 2.0)],
     KNOCK, Kind.SCAN),
    ([rare("src_side", 0.8), rare("dst_port_class", 0.1)], KNOCK, Kind.NEW_SERVICE),
    ([rare("src_side", 0.6), rare("dst_port_class", 0.3)], replace(KNOCK, failed=False),
     Kind.NEW_SERVICE),
    ([rare("dst_port_class", 0.6)], replace(KNOCK, src_side="inside"), Kind.NEW_SERVICE),
    ([rare("dst_port_class", 0.6)], replace(KNOCK, service="http"), Kind.NEW_SERVICE),
])  # fmt: skip
def test_a_port_that_is_tried_in_vain_from_outside_is_scanned(reasons, ends, kind):
    assert kind_of(reasons, ends) == kind


@pytest.mark.parametrize(("reasons", "given", "kind"), [
    ([rare("conn_state")], {}, Kind.SCAN),
    ([], {}, Kind.SCAN),
    ([], {"src_peers": 1.0, "pair_ports": 3.0}, Kind.SCAN),
    ([rare("conn_state")], {"dst_port": 22}, Kind.LATERAL_MOVEMENT),
    ([rare("conn_state")], {"src_peers": 4.0}, Kind.NEW_SERVICE),
    ([rare("conn_state")], {"src_failure_share": 0.4}, Kind.NEW_SERVICE),
    ([rare("conn_state")], {"failed": False}, Kind.NEW_SERVICE),
    ([rare("conn_state")], {"src_peers": None, "src_failure_share": None}, Kind.NEW_SERVICE),
    ([high("dst_connections_10s")], {}, Kind.FLOOD),
])  # fmt: skip
def test_a_source_that_is_refused_again_and_again_scans_where_nothing_says_more(
    reasons, given, kind
):
    refused = replace(INSIDE, failed=True, src_peers=5.0, pair_ports=1.0, src_failure_share=0.5)
    assert kind_of(reasons, replace(refused, **given)) == kind


@pytest.mark.parametrize("feature", CONNECTION_FEATURES.columns)
def test_every_feature_of_connections_can_name_a_kind(feature):
    reason = rare(feature) if feature in CONNECTION_FEATURES.categorical else high(feature)
    assert kind_of([reason], UPLOAD) != Kind.UNUSUAL


def test_severity_grows_with_rarity_count_and_kind():
    def level(p=1e-2, count=1, kind=Kind.SCAN):
        return severity_of(unit_p_value=p, count=count, kind=kind)

    assert level() == Severity.LOW
    assert level(p=1e-3) == level(count=20) == level(kind=Kind.BEACON) == Severity.MEDIUM
    assert level(p=1e-5) == level(p=1e-3, kind=Kind.TUNNEL) == Severity.HIGH
    assert level(p=1e-12, count=10**6, kind=Kind.EXFILTRATION) == Severity.CRITICAL


def test_a_risk_score_keeps_the_order_of_severities_and_of_rarity():
    scores = [risk_score(severity, 10.0**-n) for severity in Severity for n in range(13)]
    assert scores == sorted(scores)
    assert scores[0] == 0
    assert scores[-1] == 100
