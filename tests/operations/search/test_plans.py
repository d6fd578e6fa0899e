"""A search leaves the defaults only for a gain that is more than chance."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.operations.search.plans import TrialRecord, choose_trial


def record(number, by_kind, **parameters):
    value = sum(by_kind) / len(by_kind)
    return TrialRecord(number, "complete", value, parameters, 1.0, by_kind=tuple(by_kind))


def test_the_defaults_give_way_only_to_a_gain_over_most_kinds():
    defaults = record(0, [0.9, 0.9, 0.9, 0.9], gamma=1)
    lucky = record(1, [0.8, 0.8, 0.9, 1.3], gamma=2)  # one kind alone brings the gain
    sound = record(2, [0.93, 0.92, 0.94, 0.92], gamma=3)
    assert choose_trial([defaults, lucky], {"gamma": 1})[0] is defaults
    chosen, why = choose_trial([defaults, lucky, sound], {"gamma": 1})
    assert chosen is sound
    assert "gains 0.0275 over the defaults" in why
    assert choose_trial([lucky, sound], {"gamma": 1})[0] is lucky, "without the defaults: the best"


def test_no_trial_is_taken_to_be_surer_than_the_median_trial():
    defaults = record(0, [0.9, 0.9, 0.9, 0.9], gamma=1)
    others = [record(n, [0.8, 0.9, 0.9, 0.95], gamma=n + 1) for n in (1, 2, 3)]
    by_luck = record(4, [0.91, 0.91, 0.91, 0.91], gamma=9)  # its error is 0
    assert choose_trial([defaults, by_luck], {"gamma": 1})[0] is by_luck
    chosen, why = choose_trial([defaults, *others, by_luck], {"gamma": 1})
    assert chosen is defaults
    assert "or the median trial's of 0.0315" in why


@given(st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=1, max_size=6))
@settings(deadline=None)
def test_the_chosen_trial_is_never_below_the_defaults(values):
    trials = [record(number, each, gamma=number) for number, each in enumerate(values)]
    chosen, why = choose_trial(trials, {"gamma": 0})
    assert chosen.value >= trials[0].value - 1e-12
    assert why
