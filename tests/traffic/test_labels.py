"""Labels and families as plain arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd

from oddwire.traffic.labels import attacks_of, labels_of


def test_labels_and_families_that_are_not_there_are_unknown():
    rows = pd.DataFrame({"a": [1.0, 2.0]})
    assert np.isnan(labels_of(rows)).all()
    assert attacks_of(rows).tolist() == [None, None]
    rows["label"] = pd.array([1, None], dtype="Int8")
    rows["attack"] = pd.array(["scan", None], dtype="string")
    assert labels_of(rows)[0] == 1
    assert np.isnan(labels_of(rows)[1])
    assert attacks_of(rows).tolist() == ["scan", None]
