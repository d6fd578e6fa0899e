"""Files of equal estimators are equal, whenever and wherever in memory they were made."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from oddwire.detection.persistence.estimators import dump_estimator, load_estimator

YEAR_2001 = time.gmtime(1_000_000_000)


def estimator(**attributes):
    made = LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def test_neither_time_nor_address_is_in_the_file(monkeypatch):
    first = estimator(weights_=np.arange(3.0), notes_=["a", b"raw"])
    now = dump_estimator(first)
    monkeypatch.setattr(time, "localtime", lambda *_: YEAR_2001)
    second = estimator(weights_=np.arange(3.0), notes_=["a", b"raw"])
    assert dump_estimator(second) == now


@pytest.mark.parametrize("other", [{"weights_": np.arange(4.0)}, {"weights_": np.zeros(3)}, {}])
def test_another_estimator_gives_another_file(other):
    assert dump_estimator(estimator(**other)) != dump_estimator(estimator(weights_=np.arange(3.0)))


def test_equal_plain_values_need_not_be_one_object():
    name, built = "a name", "a name…"[:-1]
    assert name is not built
    assert dump_estimator(estimator(pair_=[name, name])) == dump_estimator(
        estimator(pair_=[name, built])
    )


def test_what_was_one_object_is_one_object_again():
    shared = np.arange(3.0)
    found = load_estimator(dump_estimator(estimator(a_=shared, b_=shared)), name="x")
    assert found.a_ is found.b_
    found = load_estimator(dump_estimator(estimator(a_=shared, b_=shared.copy())), name="x")
    assert found.a_ is not found.b_
    assert found.b_.tolist() == [0.0, 1.0, 2.0]


def test_an_attribute_may_be_called_as_skops_calls_a_file():
    found = load_estimator(dump_estimator(estimator(file="here", content={"file": 1})), name="x")
    assert (found.file, found.content) == ("here", {"file": 1})
