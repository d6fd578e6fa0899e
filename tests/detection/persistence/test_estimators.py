"""An estimator's or an array's file holds what is trusted, or is refused before it is built."""

from __future__ import annotations

import io
import zipfile
from fractions import Fraction

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LinearRegression

from oddwire.detection.persistence import estimators
from oddwire.detection.persistence.estimators import dump_estimator, load_estimator
from oddwire.detection.persistence.files import load_array
from oddwire.errors import ModelError


def test_what_could_not_be_loaded_is_not_saved():
    estimator = LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])
    estimator.guest_ = Fraction(1, 2)
    with pytest.raises(ModelError, match=r"LinearRegression holds .* fractions.Fraction"):
        dump_estimator(estimator)


@pytest.mark.parametrize(
    ("field", "value"),
    [("children_left", 10**6), ("children_right", 0), ("feature", 99), ("feature", -1)],
)
def test_a_tree_that_leads_out_of_its_memory_is_refused(forest, field, value):
    detector = load_estimator(dump_estimator(forest.detector), name="detector.skops")
    tree = detector.forest_.estimators_[3].tree_
    state = tree.__getstate__()
    name = {"children_left": "left_child", "children_right": "right_child"}.get(field, field)
    state["nodes"] = state["nodes"].copy()
    state["nodes"][name][0] = value
    tree.__setstate__(state)
    with pytest.raises(ModelError, match="tree whose nodes lead outside"):
        load_estimator(skops.io.dumps(detector), name="detector.skops")


def test_an_archive_that_unpacks_too_far_is_refused(monkeypatch):
    monkeypatch.setattr(estimators, "_LARGEST_UNPACKED", 1000)
    content = skops.io.dumps(np.zeros(1000), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelError, match="must unpack to at most"):
        load_estimator(content, name="detector.skops")


def test_an_array_that_claims_to_be_huge_is_refused():
    buffer = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**15,)}
    np.lib.format.write_array_header_1_0(buffer, header)
    with pytest.raises(ModelError, match="x is not an array"):
        load_array(buffer.getvalue(), name="x")
