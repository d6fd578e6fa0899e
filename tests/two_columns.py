"""The smallest frames that a preprocessing can be tried on: a number and a category."""

from __future__ import annotations

import numpy as np
import pandas as pd

from oddwire.detection.preprocessing.table import TablePreprocessor


def frame_of(values, words=None) -> pd.DataFrame:
    """Return a frame of bytes and protocols, by default of one protocol."""
    words = ["tcp"] * len(values) if words is None else words
    return pd.DataFrame(
        {"bytes": np.asarray(values, float), "proto": pd.Series(words, dtype=object)}
    )


def fitted(train: pd.DataFrame, transform: str = "log_standard", **options) -> TablePreprocessor:
    """Return a preprocessing that has seen such a frame."""
    return TablePreprocessor(["bytes"], ["proto"], transform, **options).fit(train)
