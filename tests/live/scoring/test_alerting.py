"""Which alerts are explained where the allow-list suppresses some."""

import datetime as dt
import ipaddress
from collections import Counter

import pytest

from oddwire.live.alerts.allow_entry import AllowEntry
from oddwire.live.scoring.explained import ExplainedAlerts
from tests.live_traffic import traffic
from tests.parity_runs import Case, at_once, check_equal, in_pieces


@pytest.fixture
def case(monkeypatch) -> Case:
    """Suppress the loudest source, whose alerts would take all explanations that there are."""
    monkeypatch.setattr("oddwire.live.scoring.explained.IN_ALL", 4)
    (taken,) = at_once(traffic(), Case()).taken
    ((loudest, _),) = Counter(one.source.address for one in taken.raised.alerts).most_common(1)
    until = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
    return Case(allowed=(AllowEntry("known", until, source=ipaddress.ip_network(loudest)),))


def test_suppressed_alerts_take_no_explanation_from_others(case):
    (taken,) = at_once(traffic(), case).taken
    alerts = taken.raised.alerts
    suppressed = [one for one in alerts if one.suppressed_by]
    assert suppressed
    assert not any(one.reasons for one in suppressed)
    chosen, others = ExplainedAlerts(10), [one for one in alerts if not one.suppressed_by]
    wanted = [
        one.id for one in others if chosen.takes(one.unit, one.destination.address, one.clock)
    ]
    assert [one.id for one in others if one.reasons] == wanted
    assert len(wanted) < len(others)


def test_that_is_so_however_rows_are_cut_and_killed(case):
    check_equal(in_pieces(traffic(), 6, case), at_once(traffic(), case))
