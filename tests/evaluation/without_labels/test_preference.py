"""The choice where nothing measures detectors: the same for all, and known for each of them."""

from __future__ import annotations

from oddwire.detection.detectors import DETECTORS
from oddwire.evaluation.without_labels.preference import ORDER, preferred, with_ensemble


def test_every_detector_has_its_place_in_the_order_once():
    assert sorted(ORDER) == sorted(DETECTORS)


def test_the_order_decides_and_not_the_order_of_the_names():
    names = sorted(DETECTORS)
    assert preferred(names) == preferred(names[::-1]) == "ensemble"
    names.remove("ensemble")
    assert preferred(names) == "isolation_forest"


def test_the_ensemble_joins_several_detectors_once_and_never_one_alone():
    asked = ["ensemble", "isolation_forest"]
    assert with_ensemble(asked) == asked
    assert with_ensemble(["autoencoder", "kmeans"])[-1] == "ensemble"
    assert with_ensemble(["autoencoder"]) == ["autoencoder"]
