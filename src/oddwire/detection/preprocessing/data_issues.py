"""Data issues: missing, infinite and unseen values, which a preprocessing replaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from oddwire.detection.preprocessing.columns import category_codes, hashes, numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oddwire.detection.preprocessing.encoding import TableEncoder
    from oddwire.detection.preprocessing.table import TablePreprocessor


@dataclass(frozen=True)
class DataIssues:
    """Rows with an issue, per column; a column without any has no entry.

    Parameters
    ----------
    missing
        Rows without a value.
    infinite
        Rows with plus or minus infinity.
    unseen
        Rows with a category that no training row had.
    """

    missing: Mapping[str, int]
    infinite: Mapping[str, int]
    unseen: Mapping[str, int]


def count_data_issues(
    preprocessor: TablePreprocessor | TableEncoder, frame: pd.DataFrame
) -> DataIssues:
    """Count the values of a frame that a fitted preprocessing replaces.

    Raises
    ------
    DataError
        If a column is missing or holds text where numbers belong.
    """
    check_is_fitted(preprocessor, "feature_names_out_")
    missing: dict[str, int] = {}
    infinite: dict[str, int] = {}
    unseen: dict[str, int] = {}
    for name in preprocessor.numeric:
        column = numbers(frame, name, copy=False)
        missing[name] = int(np.isnan(column).sum())
        infinite[name] = int(np.isinf(column).sum())
    for name, categories in preprocessor.categories_.items():
        codes, values = category_codes(frame, name)
        known = np.isin(hashes(values), preprocessor.merged_[name])
        known |= pd.Index(values, dtype=object).isin(categories)
        missing[name] = int((codes < 0).sum())
        unseen[name] = int((~np.append(known, True))[codes].sum())
    return DataIssues(
        *({key: n for key, n in counts.items() if n} for counts in (missing, infinite, unseen))
    )
