"""A model folder inside an MLflow pyfunc, found by this loader module: nothing is pickled."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from oddwire.detection.model import Model
from oddwire.operations.data.lineage import package_versions
from oddwire.traffic.labels import objects_of

INSIDE = "data/oddwire_model"  # the model folder inside the pyfunc
_EXAMPLE_ROWS = 5


def save_pyfunc(model: Model, folder: Path, example: pd.DataFrame, into: Path) -> None:
    """Wrap a model folder as an MLflow pyfunc with signature and input example.

    Parameters
    ----------
    example
        Feature frame from which signature and input example are taken.
    """
    import mlflow
    from mlflow.models import infer_signature

    scorer = PyfuncScorer(model)
    features = scorer.features(example).head(_EXAMPLE_ROWS)
    pinned = [f"{k}=={v}" for k, v in package_versions().items() if k not in {"python", "oddwire"}]
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        # The example need not be scored again in a server of its own to be believed.
        warnings.simplefilter("ignore")
        inside = Path(scratch) / Path(INSIDE).name
        inside.symlink_to(folder.resolve(), target_is_directory=True)
        mlflow.pyfunc.save_model(
            str(into),
            loader_module=__name__,
            data_path=str(inside),
            signature=infer_signature(features, scorer.predict(features)),
            input_example=features,
            pip_requirements=pinned,
        )


class PyfuncScorer:
    """What ``mlflow models serve`` calls: feature columns in, scores and p-values out."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def features(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the model's columns with the types that the signature promises."""
        schema = self._model.schema
        numeric = frame[list(schema.numeric)].astype("float64")
        text = {name: objects_of(frame[name]) for name in schema.categorical}
        return numeric.assign(**text)

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Score rows of feature columns. ``params`` is part of MLflow's interface, and unused."""
        del params
        return self._model.score(frame)


def _load_pyfunc(data_path: str) -> PyfuncScorer:
    """Load the model for MLflow, which finds this function by its name."""
    return PyfuncScorer(Model.load(Path(data_path)))
