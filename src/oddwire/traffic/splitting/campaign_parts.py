"""Which parts campaigns are in: one that the split cut in two is no news in the test part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from oddwire.traffic.schema import CAMPAIGN, LABEL

CAMPAIGN_COLUMNS = (LABEL, CAMPAIGN)
TEST = "test"


@dataclass(frozen=True)
class CampaignParts:
    """How many campaigns are in each part.

    Parameters
    ----------
    campaigns
        By part, how many have rows in it; empty where none is known.
    cut
        How many of those in the test part also have rows before it.
    cut_rows
        Their rows in the test part.
    without
        By part, the attack rows of no known campaign.
    """

    campaigns: Mapping[str, int] = field(default_factory=dict)
    cut: int = 0
    cut_rows: int = 0
    without: Mapping[str, int] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """What must be said of campaigns on both sides of the split; empty for nothing."""
        if not self.cut:
            return ""
        tested = self.campaigns[TEST]
        which = "the one campaign" if tested == 1 else f"{self.cut:,} of the {tested:,} campaigns"
        rows = "1 row" if self.cut_rows == 1 else f"{self.cut_rows:,} rows"
        return (
            f"rows before the test part hold {which} in it too ({rows} of it); figures on such a"
            " campaign are better than on a new one"
        )

    def summary(self) -> dict[str, Any] | None:
        """Return plain values, for JSON; None where no campaign is known."""
        if not self.campaigns:
            return None
        return {
            "campaigns": dict(self.campaigns), "cut": self.cut, "cut_rows": self.cut_rows,
            "without": dict(self.without),
        }  # fmt: skip

    @classmethod
    def from_summary(cls, content: Mapping[str, Any] | None) -> CampaignParts:
        """Read back what `summary` returned; None, of parts made before it was kept, is none."""
        if content is None:
            return cls()
        return cls(content["campaigns"], content["cut"], content["cut_rows"], content["without"])


def count_campaigns(parts: Mapping[str, Iterable[pd.DataFrame]]) -> CampaignParts:
    """Count the campaigns of each part.

    Parameters
    ----------
    parts
        The rows of each part in pieces, ``test`` among them; of their columns those in
        `CAMPAIGN_COLUMNS` are looked at. Benign and unlabelled rows are of no campaign.

    Examples
    --------
    >>> rows = pd.DataFrame({"label": [0, 1, 1], "campaign": [None, "scan 1", "scan 2"]})
    >>> counted = count_campaigns({"validation": [rows], "test": [rows[1:2]]})
    >>> dict(counted.campaigns), counted.cut, counted.cut_rows
    ({'validation': 2, 'test': 1}, 1, 1)
    """
    rows, without = {}, {}
    for part, pieces in parts.items():
        rows[part], without[part] = _counted(pieces)
    if not any(rows.values()):
        return CampaignParts()
    before = {name for part, counts in rows.items() if part != TEST for name in counts}
    cut = [count for name, count in rows[TEST].items() if name in before]
    counts = {part: len(names) for part, names in rows.items()}
    return CampaignParts(counts, len(cut), sum(cut), without)


def _counted(pieces: Iterable[pd.DataFrame]) -> tuple[Counter[str], int]:
    """Return the rows of each campaign, and the attack rows of none."""
    rows: Counter[str] = Counter()
    attacks = 0
    for piece in pieces:
        if LABEL not in piece or CAMPAIGN not in piece:
            continue
        attack = piece[LABEL].eq(1).fillna(value=False).to_numpy(dtype=bool)
        attacks += int(attack.sum())
        for name, count in piece[CAMPAIGN][attack].dropna().value_counts(sort=False).items():
            rows[str(name)] += int(count)
    return rows, attacks - rows.total()
