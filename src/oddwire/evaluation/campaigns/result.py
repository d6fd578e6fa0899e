"""What campaigns come to: one by one, by family, and all together."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from oddwire.evaluation.uncertainty.clustered import exact_interval
from oddwire.traffic.labels import objects_of

FIGURES = (
    "campaigns_found", "campaigns", "campaign_recall", "campaigns_by_chance",
    "minutes_to_first_alert",
)  # fmt: skip
MOST_LISTED = 5_000
_MOST = 0.9  # the share of campaigns that raise at most so many alerts


@dataclass(frozen=True, kw_only=True)
class CampaignSummary:
    """Some campaigns together.

    Parameters
    ----------
    recall, recall_low, recall_high
        The share that is found, and its exact 95 % interval.
    by_chance
        How many would be found by chance; None without benign rows.
    minutes_to_first_alert
        Within how many minutes half of all campaigns had raised an alert, counted from when their
        first connection could be known; None without times, or where fewer than half are found.
    minutes_of_found
        The same of those that are found.
    alerts, most_alerts, incidents, most_incidents
        Median and 90th percentile of the campaigns that are found; None where none is.
    """

    campaigns: int
    found: int
    recall: float
    recall_low: float
    recall_high: float
    by_chance: float | None
    minutes_to_first_alert: float | None
    minutes_of_found: float | None
    alerts: int | None
    most_alerts: int | None
    incidents: int | None
    most_incidents: int | None


@dataclass(frozen=True, kw_only=True, eq=False)
class CampaignEvaluation:
    """All campaigns of the tested rows.

    Parameters
    ----------
    threshold
        Smallest score that counts as an alert.
    campaigns
        A row per campaign, in the order in which they began: ``campaign``, ``family`` (that of most
        of its rows), ``rows``, ``begin`` and ``end`` (when its first and last connection could be
        known; missing without times), ``alerts``, ``incidents``, ``minutes_to_first_alert``,
        ``found``, ``by_chance`` (the probability to be found by chance) and ``begun_before`` (it
        has rows before the tested ones; None where that is not known).
    rows_without, alerts_without
        Attack rows of no known campaign, and how many of them raise an alert.
    """

    threshold: float
    campaigns: pd.DataFrame
    rows_without: int
    alerts_without: int

    def __len__(self) -> int:
        return len(self.campaigns)

    @property
    def summary(self) -> CampaignSummary | None:
        """All campaigns together; None where there is none."""
        return _summarised(self.campaigns) if len(self) else None

    @property
    def begun_before(self) -> int:
        """How many campaigns have rows before the tested ones."""
        return int(self.campaigns["begun_before"].eq(True).sum())

    def by_family(self) -> dict[str, CampaignSummary]:
        """Return the campaigns of each family together, those of most campaigns first."""
        groups = self.campaigns.groupby("family", sort=True)
        found = {str(family): _summarised(rows) for family, rows in groups}
        return dict(sorted(found.items(), key=lambda each: -each[1].campaigns))

    def figures(self) -> dict[str, float | None]:
        """Return the few figures that trainings are compared by; all None without campaigns."""
        all_of_them = self.summary
        if all_of_them is None:
            return dict.fromkeys(FIGURES)
        return {
            "campaigns_found": all_of_them.found,
            "campaigns": all_of_them.campaigns,
            "campaign_recall": all_of_them.recall,
            "campaigns_by_chance": all_of_them.by_chance,
            "minutes_to_first_alert": all_of_them.minutes_to_first_alert,
        }

    def undefined(self) -> dict[str, str]:
        """Say why figures are missing, by their names; nothing where no campaign is known."""
        figures, why = self.figures(), {}
        if len(self) and figures["campaigns_by_chance"] is None:
            why["campaigns_by_chance"] = "no test row is labelled as benign"
        if len(self) and figures["minutes_to_first_alert"] is None:
            timeless = self.campaigns["begin"].isna().all()
            why["minutes_to_first_alert"] = (
                "the rows have no times"
                if timeless
                else "more than half of the campaigns raise none"
            )
        return why

    def to_frame(self) -> pd.DataFrame:
        """Return a row per campaign with times as ISO text, for JSON and the MLflow page.

        Of more than `MOST_LISTED`, the largest.
        """
        largest = self.campaigns["rows"].nlargest(MOST_LISTED).index.sort_values()
        frame = self.campaigns.loc[largest].reset_index(drop=True)
        for name in ("begin", "end"):
            frame[name] = frame[name].map(pd.Timestamp.isoformat, na_action="ignore")
        return pd.DataFrame({name: objects_of(frame[name]) for name in frame}, dtype=object)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "threshold": self.threshold if math.isfinite(self.threshold) else None,
            "summary": None if self.summary is None else asdict(self.summary),
            "families": {name: asdict(each) for name, each in self.by_family().items()},
            "campaigns": self.to_frame().to_dict("records"),
            "rows_without": self.rows_without,
            "alerts_without": self.alerts_without,
        }


def _summarised(campaigns: pd.DataFrame) -> CampaignSummary:
    total, found = len(campaigns), campaigns[campaigns["found"]]
    low, high = exact_interval(len(found), total)
    chance = campaigns["by_chance"]
    return CampaignSummary(
        campaigns=total,
        found=len(found),
        recall=len(found) / total,
        recall_low=low,
        recall_high=high,
        by_chance=None if chance.isna().any() else float(chance.sum()),
        minutes_to_first_alert=_quantile(campaigns["minutes_to_first_alert"], 0.5),
        minutes_of_found=_quantile(found["minutes_to_first_alert"], 0.5),
        alerts=_rows(found["alerts"], 0.5),
        most_alerts=_rows(found["alerts"], _MOST),
        incidents=_rows(found["incidents"], 0.5),
        most_incidents=_rows(found["incidents"], _MOST),
    )


def _rows(counts: pd.Series, share: float) -> int | None:
    value = _quantile(counts, share)
    return None if value is None else int(value)


def _quantile(values: pd.Series, share: float) -> float | None:
    """Return the smallest value that so large a share does not exceed; missing ones are never."""
    if not len(values):
        return None
    ordered = np.sort(values.fillna(np.inf).to_numpy(dtype=np.float64))
    value = float(ordered[math.ceil(share * len(ordered)) - 1])
    return value if math.isfinite(value) else None
