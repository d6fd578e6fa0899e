"""Rows alike are found by their categories, and many categories do not take them apart."""

from __future__ import annotations

import numpy as np
import pandas as pd

from oddwire.detection.preprocessing.columns import Categories
from oddwire.detection.preprocessing.peer_groups import Groups


def connections(**counts: int) -> pd.DataFrame:
    """Return so many rows per ``proto_service``."""
    pairs = [name.split("_") for name, count in counts.items() for _ in range(count)]
    return pd.DataFrame(pairs, columns=["proto", "service"])


def test_rows_with_the_same_categories_are_a_group():
    train = connections(tcp_http=30, tcp_ssh=12, udp_dns=20)
    groups = Groups.fit(train, ["proto", "service"])
    found = train.assign(place=groups.places(Categories(train))).drop_duplicates()
    assert len(found) == 3
    assert sorted(found["place"]) == [0, 1, 2]


def test_what_was_rare_or_never_seen_is_in_no_group():
    groups = Groups.fit(connections(tcp_http=30, udp_dns=30, tcp_ssh=9), ["proto", "service"])
    asked = connections(tcp_http=1, tcp_ssh=1, udp_http=1, icmp_echo=1)
    assert (groups.places(Categories(asked)) >= 0).tolist() == [True, False, False, False]


def test_a_column_of_many_categories_does_not_take_the_groups_apart():
    train = connections(tcp_http=300, udp_dns=300)
    train["uri"] = [f"/{number}" for number in range(len(train))]
    groups = Groups.fit(train, ["uri", "proto", "service"])
    assert list(groups.columns) == ["proto", "service"]
    assert len(groups.keys) == 2


def test_missing_is_a_category_of_its_own():
    train = pd.DataFrame({"service": ["dns"] * 20 + [None] * 20})
    places = Groups.fit(train, ["service"]).places(Categories(train))
    assert sorted(set(places)) == [0, 1]
    assert len(set(places[:20])) == len(set(places[20:])) == 1


def test_without_categories_there_is_no_group():
    train = pd.DataFrame({"bytes": np.arange(50.0)})
    assert Groups.fit(train, []).places(Categories(train)).tolist() == [-1] * 50


def test_the_groups_are_the_largest_ones_at_most_128():
    counts = np.r_[np.full(30, 10), np.full(120, 100)]
    train = pd.DataFrame({"service": np.repeat(np.arange(150).astype(str), counts)})
    groups = Groups.fit(train, ["service"])
    assert len(groups.keys) == 128
    large = pd.DataFrame({"service": np.arange(30, 150).astype(str)})
    assert (groups.places(Categories(large)) >= 0).all()


def test_what_is_left_by_the_limit_counts_when_columns_are_chosen():
    train = pd.DataFrame({"port": np.repeat(np.arange(500).astype(str), 10), "proto": "tcp"})
    train.loc[::3, "proto"] = "udp"
    groups = Groups.fit(train, ["port", "proto"])
    assert list(groups.columns) == ["proto"]
    assert (groups.places(Categories(train)) >= 0).all()


def test_a_column_that_never_changes_makes_no_group():
    train = connections(tcp_http=30)
    assert list(Groups.fit(train, ["proto", "service"]).columns) == []
