"""The classification report, from counts alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from oddwire.evaluation.metrics import NO_LABEL

if TYPE_CHECKING:
    from oddwire.evaluation.metrics import Confusion


def classification_report(confusion: Confusion) -> str:
    """Return scikit-learn's text table of precision, recall, F1 and support per class.

    Parameters
    ----------
    confusion
        Counts of labelled rows.
    """
    from sklearn.metrics import classification_report as report  # slow to import

    if not sum(confusion):
        return f"{NO_LABEL}\n"
    text: str = report(
        [0, 0, 1, 1],
        [0, 1, 0, 1],
        sample_weight=list(confusion),  # counts say the same as that many rows
        labels=[0, 1],
        target_names=["benign", "attack"],
        digits=4,
        zero_division=0.0,  # silences a warning; the table's support column shows the empty class
    )
    # Weights are floats, rows are not; the column stays as wide as it was.
    return re.sub(r"(\d+)\.0$", r"  \1", text, flags=re.MULTILINE)
