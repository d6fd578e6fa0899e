"""Items made in a thread come in their order, and the thread ends with who uses them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from oddwire.operations.scoring.ahead import ahead


def test_items_come_in_their_order_and_are_made_in_another_thread():
    makers = set()

    def items() -> Iterator[int]:
        for number in range(100):
            makers.add(threading.current_thread())
            yield number

    assert list(ahead(items())) == list(range(100))
    assert len(makers) == 1
    assert threading.current_thread() not in makers


def test_the_next_item_is_made_while_one_is_used():
    made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        made.set()
        yield 2

    one = ahead(items())
    assert next(one) == 1
    assert made.wait(10)
    assert list(one) == [2]


def test_no_more_are_made_than_are_asked_for():
    count = 0

    def items() -> Iterator[int]:
        nonlocal count
        for _ in range(1000):
            count += 1
            yield count

    some = ahead(items(), most=2)
    for _ in range(3):
        next(some)
    some.close()
    assert count <= 3 + 2 + 2


def test_an_error_is_raised_in_its_turn():
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("second")

    some = ahead(items())
    assert next(some) == 1
    with pytest.raises(ValueError, match="second"):
        next(some)


def test_the_thread_ends_when_the_items_are_no_longer_wanted():
    before = threading.active_count()
    some = ahead(iter(range(1000)))
    next(some)
    some.close()
    assert threading.active_count() == before
