"""How many campaigns are found by chance: benign stretches of their lengths, with their bursts."""

from __future__ import annotations

import numpy as np
import pytest

from oddwire.evaluation.campaigns.chance import share_with_an_alert


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 1.0])
def test_every_stretch_is_counted(share):
    rng = np.random.default_rng(3)
    alerts = rng.random(211) < share
    lengths = np.array([1, 2, 3, 10, 50, 210, 211, 500])
    twice = np.concatenate([alerts, alerts])
    counted = [
        np.mean([twice[first : first + min(length, 211)].any() for first in range(211)])
        for length in lengths
    ]
    assert share_with_an_alert(alerts, lengths).tolist() == pytest.approx(counted)


def test_independent_alerts_find_as_many_as_their_rate_says():
    alerts = np.random.default_rng(0).random(200_000) < 0.01
    lengths = np.array([1, 10, 100])
    expected = 1 - (1 - alerts.mean()) ** lengths
    assert share_with_an_alert(alerts, lengths) == pytest.approx(expected, rel=0.05)


def test_a_burst_of_alerts_finds_fewer_than_as_many_alerts_apart():
    burst, apart = np.zeros((2, 10_000), dtype=bool)
    burst[:100], apart[::100] = True, True
    length = np.array([50])
    assert share_with_an_alert(burst, length)[0] == pytest.approx(0.0149)
    assert share_with_an_alert(apart, length)[0] == pytest.approx(0.5)
