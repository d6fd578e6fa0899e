"""The simulator: the same seed gives the same bytes, and the rows are what a sensor could see."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.params import SimulatedSource
from oddwire.traffic.connections import check_connections
from oddwire.traffic.sources.simulated import read_scenario, simulate
from oddwire.traffic.sources.simulated.rhythm import RHYTHMS, Clock
from oddwire.traffic.sources.simulated.services import OUTCOMES, STATES
from oddwire.traffic.sources.simulated.streams import allot, sessions

FAMILIES = {
    "horizontal_scan",
    "vertical_scan",
    "syn_flood",
    "ssh_brute_force",
    "c2_beacon",
    "dns_tunnel",
    "slow_exfiltration",
    "lateral_movement",
}
SCENARIOS = ("new_service", "doubled_volume", "broken_sensor", "new_subnet")


def source(**changes):
    return SimulatedSource(
        **{"format": "simulated", "seed": 7, "days": 4, "connections_per_day": 3000} | changes
    )


@pytest.fixture(scope="module")
def rows():
    return simulate(source(days=7))


@pytest.fixture(scope="module")
def calm():
    return simulate(source())


def is_late(rows, day=2):
    return rows.ts >= pd.Timestamp("2026-03-02", tz="UTC") + pd.Timedelta(days=day)


sources = st.builds(
    source,
    seed=st.integers(0, 2**40),
    start=st.dates(dt.date(1999, 12, 28), dt.date(2040, 3, 2)),
    days=st.integers(1, 9),
    connections_per_day=st.integers(100, 700),
    attacks=st.booleans(),
    drift=st.lists(st.sampled_from(SCENARIOS), unique=True).map(tuple),
    drift_from_day=st.integers(0, 10),
)


@settings(max_examples=15, deadline=None)
@given(sources)
def test_every_source_gives_as_many_labelled_rows_as_asked_for_that_a_sensor_could_see(made):
    rows = simulate(made)
    asked, first = made.days * made.connections_per_day, pd.Timestamp(made.start, tz="UTC")
    if "doubled_volume" in made.drift and made.drift_from_day < made.days:
        assert asked < len(rows) <= 2 * asked
    else:
        assert len(rows) == asked

    assert (rows.label == 1).equals(rows.attack.notna().astype("boolean"))
    assert set(rows.attack.dropna()) <= FAMILIES
    assert bool((rows.label == 1).any()) == made.attacks

    pd.testing.assert_frame_equal(check_connections(rows, origin="again"), rows)
    assert rows.ts.min() >= first
    assert rows.ts.max() < first + pd.Timedelta(days=made.days)
    assert rows.end.is_monotonic_increasing
    assert rows.uid.is_unique
    assert (rows.src_ip != rows.dst_ip).all()
    for side in ("src", "dst"):
        some = (rows[f"{side}_bytes"] > 0).fillna(value=False)
        assert (rows.loc[some, f"{side}_packets"] >= 1).all()
        assert (rows[f"{side}_bytes"] <= 1460 * rows[f"{side}_packets"]).fillna(value=True).all()
    assert (rows.src_packets + rows.dst_packets >= 1).all()
    assert rows.src_port.isna().equals(rows.proto == "icmp")
    assert rows.dst_port.isna().equals(rows.proto == "icmp")


def test_a_scenario_may_follow_the_longest_source():
    rows, since = read_scenario(source(days=366, connections_per_day=100), "none")
    assert len(rows) == 368 * 100
    assert since == pd.Timestamp("2027-03-03", tz="UTC")


@pytest.mark.parametrize(("days", "per_day"), [(1, 100), (1, 101), (366, 100), (2, 20_000)])
def test_small_long_and_dense_sources_work(days, per_day):
    rows = simulate(source(days=days, connections_per_day=per_day))
    assert len(rows) == days * per_day
    assert 0.05 <= rows.label.mean() <= 0.08


HASH = """
import sys
from pandas.util import hash_pandas_object
from oddwire.params import SimulatedSource
from oddwire.traffic.sources.simulated import simulate
print(hash_pandas_object(simulate(SimulatedSource.model_validate_json(sys.argv[1]))).sum())
"""


def test_the_same_seed_gives_the_same_rows_in_every_process():
    made = source(
        days=2, connections_per_day=500, drift=("new_service", "broken_sensor"), drift_from_day=1
    )
    done = subprocess.run(
        [sys.executable, "-c", HASH, made.model_dump_json()],
        check=True, capture_output=True, text=True, env=os.environ | {"PYTHONHASHSEED": "1"},
    )  # fmt: skip
    assert int(done.stdout) == pd.util.hash_pandas_object(simulate(made)).sum()


def test_the_same_seed_gives_the_same_rows_again_and_another_seed_gives_others(calm):
    pd.testing.assert_frame_equal(simulate(source()), calm)
    other = simulate(source(seed=8))
    assert not set(other.uid) & set(calm.uid)
    assert set(other.dst_ip) != set(calm.dst_ip)


def test_without_attacks_the_benign_rows_are_the_same_and_a_few_more(calm):
    benign = simulate(source(attacks=False)).set_index("uid")
    with_attacks = calm[calm.label == 0].set_index("uid")
    assert len(with_attacks) < len(benign) == len(calm)
    pd.testing.assert_frame_equal(benign.loc[with_attacks.index], with_attacks)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_drift_leaves_what_was_before_it_alone(calm, scenario):
    drifted = simulate(source(drift=(scenario,), drift_from_day=2))
    before = calm[~is_late(calm)].reset_index(drop=True)
    pd.testing.assert_frame_equal(drifted[~is_late(drifted)].reset_index(drop=True), before)
    assert (
        not drifted[is_late(drifted)]
        .reset_index(drop=True)
        .equals(calm[is_late(calm)].reset_index(drop=True))
    )


@pytest.mark.parametrize("scenario", ["new_service", "new_subnet"])
def test_newcomers_leave_the_attacks_and_the_rest_alone(calm, scenario):
    drifted = simulate(source(drift=(scenario,), drift_from_day=2)).set_index("uid")
    known = drifted.index.intersection(calm.uid)
    assert 0.7 * len(calm) < len(known) < len(calm)
    pd.testing.assert_frame_equal(drifted.loc[known], calm.set_index("uid").loc[known])
    assert (drifted.label == 1).sum() == (calm.label == 1).sum()


def test_a_new_service_becomes_popular(calm):
    drifted = simulate(source(drift=("new_service",), drift_from_day=2))
    assert not (calm.service == "xmpp").any()
    late = drifted[is_late(drifted)]
    assert 0.1 < (late.service == "xmpp").mean() < 0.3
    assert set(late.dst_port[late.service == "xmpp"]) == {5222}


def test_doubled_volume_shows_in_counts_and_in_bytes(calm):
    drifted = simulate(source(drift=("doubled_volume",), drift_from_day=2))
    late, usual = drifted[is_late(drifted)], calm[is_late(calm)]
    assert 1.8 < len(late) / len(usual) < 2.2
    web, usual_web = late[late.service == "ssl"], usual[usual.service == "ssl"]
    assert 1.6 < web.src_bytes.median() / usual_web.src_bytes.median() < 2.4
    assert 1.6 < web.dst_bytes.median() / usual_web.dst_bytes.median() < 2.4


def test_a_broken_sensor_sees_no_reply_at_the_border(calm):
    drifted = simulate(source(drift=("broken_sensor",), drift_from_day=2))

    def crosses(rows):
        return rows.src_ip.str.startswith("10.") != rows.dst_ip.str.startswith("10.")

    pd.testing.assert_series_equal(drifted.uid, calm.uid)
    blind = drifted[is_late(drifted) & crosses(drifted)]
    assert blind.dst_bytes.isna().all()
    assert (blind.dst_packets == 0).all()
    assert set(blind.conn_state) == {"S0", "SH", "OTH"}
    assert not (blind.loc[blind.proto == "udp", "conn_state"] != "S0").any()
    others = ~(is_late(drifted) & crosses(drifted))
    pd.testing.assert_frame_equal(drifted[others], calm[others])


def test_a_new_subnet_brings_hosts_with_other_habits(calm):
    drifted = simulate(source(drift=("new_subnet",), drift_from_day=2))
    assert not calm.src_ip.str.startswith("10.20.64.").any()
    late = drifted[is_late(drifted)]
    lab = late[late.src_ip.str.startswith("10.20.64.")]
    assert len(lab) > 0.1 * len(late)
    assert lab.src_ip.nunique() >= 10
    assert (lab.service == "mqtt").mean() > 0.5
    assert late.src_bytes.median() < 0.9 * calm[is_late(calm)].src_bytes.median()


def test_drift_from_a_day_that_never_comes_changes_nothing(calm):
    pd.testing.assert_frame_equal(simulate(source(drift=SCENARIOS, drift_from_day=4)), calm)


def test_every_attack_is_of_a_campaign_of_its_family_and_no_benign_row_is(rows):
    attacks = rows[rows.label == 1]
    assert rows.campaign.isna().equals(rows.attack.isna())
    assert (attacks.campaign.str.rpartition(" ")[0] == attacks.attack).all()
    # A campaign is one attacker's at one time: all but floods from made-up addresses and quiet
    # guessing come from one host.
    hosts = attacks.groupby("campaign")["src_ip"].nunique()
    assert attacks["campaign"].nunique() >= 8 * len(FAMILIES)
    assert (hosts == 1).mean() > 0.6
    assert (
        (hosts[hosts > 1].index.str.rpartition(" ").get_level_values(0))
        .isin(["syn_flood", "ssh_brute_force"])
        .all()
    )


def test_campaigns_of_a_family_follow_each_other(rows):
    attacks = rows[rows.label == 1].sort_values("ts", kind="stable")
    for _, family in attacks.groupby("attack"):
        numbers = family.campaign.str.rpartition(" ")[2].astype(int)
        assert set(numbers) == set(range(1, numbers.max() + 1))
        begins = family.groupby(numbers)["ts"].min()
        assert begins.is_monotonic_increasing


def test_attacks_are_few_and_no_family_rules(rows):
    attacks = rows.attack.dropna()
    assert set(attacks) == FAMILIES
    assert 0.05 <= len(attacks) / len(rows) <= 0.08
    assert attacks.value_counts(normalize=True).max() < 1 / 3


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("days", "per_day"), [(4, 100), (4, 3000), (10, 1000)])
def test_every_family_strikes_early_and_late(seed, days, per_day):
    rows = simulate(source(seed=seed, days=days, connections_per_day=per_day))
    late = is_late(rows, 0.75 * days)
    assert set(rows.attack[~late].dropna()) == FAMILIES
    assert set(rows.attack[late].dropna()) == FAMILIES


def test_working_hours_are_busy_and_weekends_are_not(rows):
    office = rows[(rows.label == 0) & (rows.service == "ssl") & rows.src_ip.str.startswith("10.")]
    hours = office.ts.dt.hour
    assert (hours == 10).sum() > 5 * (hours == 3).sum()
    per_day = rows.groupby(rows.ts.dt.dayofweek).size()
    assert per_day[[5, 6]].max() < 0.7 * per_day[[0, 1, 2, 3, 4]].min()


def test_sizes_are_heavy_tailed(rows):
    benign = rows[(rows.label == 0) & (rows.src_bytes > 0)]
    sizes = np.sort(benign.src_bytes.to_numpy(dtype=float))[::-1]
    assert sizes[: len(sizes) // 100].sum() > 0.8 * sizes.sum()
    hill = np.log(sizes[:200] / sizes[200]).mean()
    assert hill > 0.5  # the estimated tail index 1/hill is below 2: no finite variance


def test_benign_traffic_has_ordinary_failures_and_odd_hosts(rows):
    benign = rows[rows.label == 0]
    states = benign.conn_state.value_counts(normalize=True)
    for state in ("S0", "REJ", "RSTO", "RSTR", "S1", "OTH"):
        assert states[state] > 0.001, state
    assert states["SF"] > 0.8
    peers = benign.groupby("src_ip").dst_ip.nunique()
    assert peers.max() > 50
    unanswered = benign[benign.dst_ip.str.startswith("10.20.2.")]
    assert len(unanswered) > 50
    assert not (unanswered.conn_state == "SF").any()


def test_addresses_are_private_inside_and_nobodys_outside(rows):
    outside = [ipaddress.ip_network(net) for net in ("198.18.0.0/15", "192.0.2.0/24")]
    outside += [ipaddress.ip_network(net) for net in ("198.51.100.0/24", "203.0.113.0/24")]
    inside = [ipaddress.ip_network("10.20.0.0/16"), ipaddress.ip_network("224.0.0.0/4")]
    for text in pd.unique(pd.concat([rows.src_ip, rows.dst_ip])):
        address = ipaddress.ip_address(text)
        ours = text.startswith("10.") or address.is_multicast
        assert any(address in network for network in (inside if ours else outside))


def test_uids_look_like_those_of_zeek(rows):
    assert rows.uid.str.fullmatch(r"C[A-Za-z0-9]{17}").all()


def test_a_refused_tcp_connection_names_no_service(rows):
    refused = rows[(rows.proto == "tcp") & rows.conn_state.isin(["S0", "REJ"])]
    assert len(refused) > 100
    assert refused.service.isna().all()
    assert (refused.src_bytes == 0).all()


@pytest.mark.slow
def test_some_attacks_stand_out_and_some_hide():
    """An untuned forest finds most of them and far from all."""
    from sklearn.ensemble import IsolationForest
    from sklearn.metrics import roc_auc_score

    from oddwire.traffic.features.connection_features import (
        CONNECTION_FEATURES,
        connection_features,
    )

    rows = simulate(source(days=6, connections_per_day=4000))
    table = connection_features(rows)
    numbers = table[list(CONNECTION_FEATURES.numeric)].to_numpy(dtype=float)
    X = np.nan_to_num(np.log1p(np.abs(numbers)))
    states = pd.get_dummies(table.conn_state).to_numpy(dtype=float)
    X, cut = np.hstack([X, states]), int(0.75 * len(X))
    train = (np.arange(len(X)) < cut) & (rows.label == 0).to_numpy(dtype=bool)
    forest = IsolationForest(random_state=0).fit(X[train])
    scores, labels = -forest.score_samples(X[cut:]), rows.label[cut:].to_numpy(dtype=int)
    assert 0.8 < roc_auc_score(labels, scores) < 0.98
    found = scores > np.quantile(-forest.score_samples(X[train]), 0.99)
    assert 0.02 < found[labels == 1].mean() < 0.9


@given(
    st.integers(0, 5000),
    st.lists(st.floats(0.01, 100), min_size=1, max_size=40),
    st.integers(0, 5),
)
def test_allotted_parts_add_up(total, weights, at_least):
    parts = allot(total, weights, at_least=at_least)
    assert parts.sum() == total
    assert parts.min() >= min(at_least, total // len(weights))


@given(st.integers(0, 500), st.floats(1, 20))
def test_sessions_are_numbered_without_gaps(count, mean):
    steps = np.diff(sessions(np.random.default_rng(0), count, mean), prepend=0)
    assert set(steps) <= {0, 1}


@given(st.sampled_from(sorted(RHYTHMS)), st.integers(1, 20))
def test_a_rhythm_maps_shares_to_rising_times_inside_the_days(name, days):
    clock = Clock(dt.date(2026, 3, 2), days, seed=1)
    times = clock.times(name, np.linspace(0, 1, 500, endpoint=False))
    assert (np.diff(times) > 0).all()
    assert 0 <= times[0] < times[-1] < days * 86_400


def test_every_mix_of_outcomes_weighs_every_state():
    assert {len(weights) for weights in OUTCOMES.values()} == {len(STATES)}
