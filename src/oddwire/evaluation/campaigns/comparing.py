"""Does one detector find more campaigns than another? The same campaigns drawn for both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from oddwire.errors import DataError
from oddwire.evaluation.campaigns.evaluating import campaign_names
from oddwire.evaluation.metrics import known_labels
from oddwire.evaluation.uncertainty.comparing import summarise
from oddwire.evaluation.uncertainty.resampling import check_resampling

if TYPE_CHECKING:
    from oddwire.evaluation.uncertainty.comparing import Difference


def paired_campaigns(
    labels: Any,
    challenger: Any,
    champion: Any,
    campaign: Any,
    *,
    resamples: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> Difference | None:
    """Estimate how many more of the same campaigns the challenger finds, as a share of them.

    Whole campaigns are drawn: the connections of one attacker are no independent attempts. In a
    bootstrap the campaigns that both, one or none of the two find are multinomial, so these counts
    are drawn directly.

    Parameters
    ----------
    labels, campaign
        As of `evaluating.evaluate_campaigns`.
    challenger, champion
        Whether each row is an alert, booleans of shape (n,).
    resamples
        How many times the campaigns are resampled, at least 1.
    confidence
        Coverage of the two-sided percentile interval, between 0 and 1.
    seed
        Seeds the draws.

    Returns
    -------
    Difference or None
        In ``campaign_recall``; None where no campaign is known.

    Raises
    ------
    DataError
        If lengths differ.
    ParameterError
        If ``resamples`` or ``confidence`` is out of range.
    """
    check_resampling(resamples, confidence)
    alerts = np.column_stack(
        [np.asarray(each, dtype=bool) for each in _alike(challenger, champion)]
    )
    known, attack = known_labels(labels, len(alerts))
    rows = np.flatnonzero(known)[attack]
    names = campaign_names(campaign, len(alerts))[rows]
    named = pd.notna(names)
    if not named.any():
        return None
    found = pd.DataFrame(alerts[rows[named]]).groupby(names[named]).any().to_numpy()
    counts = np.bincount(found @ [2, 1], minlength=4)
    total = len(found)
    drawn = np.random.default_rng(seed).multinomial(total, counts / total, size=resamples)
    ahead, behind = found.mean(axis=0).tolist()
    return summarise(
        "campaign_recall", ahead, behind, (drawn[:, 2] - drawn[:, 1]) / total, confidence
    )


def _alike(challenger: Any, champion: Any) -> tuple[Any, Any]:
    if len(challenger) != len(champion):
        raise DataError(
            f"both score the same rows, got {len(challenger)} and {len(champion)} alerts"
        )
    return challenger, champion
