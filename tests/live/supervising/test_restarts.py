"""What ends at once waits longer and longer, and not for ever."""

from __future__ import annotations

from oddwire.live.supervising.restarts import Restarts


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_waits_double_up_to_a_minute():
    restarts = Restarts(10, Clock())
    assert [restarts.wait(0) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_so_many_within_any_hour():
    clock = Clock()
    restarts = Restarts(2, clock)
    assert restarts.wait(0) is not None
    clock.now = 3000
    assert restarts.wait(0) is not None
    clock.now = 3599
    assert restarts.wait(0) is None
    clock.now = 3600  # the first is an hour old
    assert restarts.wait(0) is not None
    assert restarts.wait(0) is None


def test_what_went_well_for_long_waits_as_at_first():
    clock = Clock()
    restarts = Restarts(10, clock)
    assert [restarts.wait(0), restarts.wait(0), restarts.wait(599), restarts.wait(600)] == [
        1, 2, 4, 1,
    ]  # fmt: skip


def test_zero_starts_nothing_again():
    assert Restarts(0).wait(0) is None
