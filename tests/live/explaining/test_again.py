"""Scored again from what is stored, an alert has the number that it was raised with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
import small_models
from some_alerts import MADE_BY, some_alert

from oddwire.detection.detectors import DETECTORS
from oddwire.errors import DataError, NoModelError
from oddwire.live.alerts.raising import raise_alerts
from oddwire.live.explaining import features_frame, score_again
from oddwire.live.state import features_of, stored_alert

ROUNDED = {"one_class_svm", "ensemble"}  # one row is summed in another order than many


@dataclass
class OneVersion:
    """A registry with the one version that alerts of `some_alerts` are made by."""

    model: object

    def numbered(self, source, number):
        if (source, number) != (MADE_BY.source, MADE_BY.model_version):
            raise NoModelError(f"oddwire-{source} has no version {number}: there are 7")
        return number

    def load(self, version):
        assert version == MADE_BY.model_version
        return self.model


def stored_alerts(model, rows):
    """Return what is stored of rows that were scored together, each of which raises an alert."""
    scores = model.score(rows).assign(alert=True)
    units = model.unit_calibration.p_values(scores["anomaly_score"].to_numpy())[0]
    alerts = raise_alerts(
        rows, scores, unit_p_values=units, clock=np.zeros(len(rows), dtype=np.int64),
        places=[str(place) for place in range(len(rows))], made_by=MADE_BY,
    )  # fmt: skip
    features = rows[list(model.schema.columns)].to_dict("records")
    return [stored_alert(alert, features=row) for alert, row in zip(alerts, features, strict=True)]


@pytest.mark.parametrize(
    "name", ["isolation_forest", *(pytest.param(name, marks=pytest.mark.slow)
    for name in DETECTORS if name != "isolation_forest")],
)  # fmt: skip
def test_the_number_is_the_same_whatever_the_row_holds(name):
    model = small_models.trained(name)
    rows = pd.concat([small_models.extreme_rows(), small_models.rows(40, seed=5)])
    for stored in stored_alerts(model, rows.reset_index(drop=True)):
        again = score_again(stored, OneVersion(model))
        assert again.differences == {} or name in ROUNDED
        assert again.to_dict()["same"] is True


def test_a_model_that_is_another_is_told_with_both_numbers():
    (stored, *_) = stored_alerts(small_models.trained(), small_models.rows(3))
    other = small_models.trained(params={"detector__n_estimators": 7})
    again = score_again(stored, OneVersion(other))
    assert set(again.differences) >= {"score"}
    assert again.differences["score"] == (again.alert.score, again.score)
    assert again.to_dict()["same"] is False


def test_the_features_are_explained_with_what_is_usual():
    model = small_models.trained()
    flood = small_models.rows(1).assign(bytes=1e9, proto="icmp")
    (stored,) = stored_alerts(model, flood)
    again = score_again(stored, OneVersion(model), top=3)
    assert again.explained["feature"].iloc[0] == "bytes"
    expected = model.explain(features_frame(features_of(stored), model.schema), top=3)
    pd.testing.assert_frame_equal(again.explained, expected)
    first = again.to_dict()["features"][0]
    assert (first["feature"], first["value"], first["benign_quantile"]) == ("bytes", 1e9, 1.0)


def test_a_version_that_is_gone_is_told_with_where_to_look():
    alert = some_alert(made_by=replace(MADE_BY, model_version="3"))
    stored = stored_alert(alert, features={"bytes": 1.0})
    with pytest.raises(NoModelError, match=r"again: .* no version 3: there are 7; `oddwire alerts"):
        score_again(stored, OneVersion(None))


def test_an_alert_without_features_is_told():
    with pytest.raises(DataError, match="was stored without its features"):
        score_again(stored_alert(some_alert()), OneVersion(None))
