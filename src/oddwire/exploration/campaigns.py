"""How many campaigns there are of each attack family, how large, how long, and when."""

from __future__ import annotations

from typing import Any

import pandas as pd

from oddwire.exploration.sample import AllRows
from oddwire.traffic.schema import ATTACK, CAMPAIGN, LABEL, known_at

MOST_CAMPAIGNS = 2_000  # listed, the largest
UNNAMED = "unnamed"  # attacks whose family is not known


def describe_campaigns(rows: AllRows, columns: pd.DataFrame) -> dict[str, Any] | None:
    """Return what campaigns there are, fit for JSON; None where no row names one.

    Parameters
    ----------
    rows
        All rows.
    columns
        Some of them, with all columns.

    Returns
    -------
    ``count``; ``families``: by attack family, that of most rows of a campaign, those of most
    campaigns first, ``campaigns``, ``rows``, ``median_rows`` and ``most_rows``, and where rows have
    a time ``median_minutes``, ``most_minutes``, ``first`` and ``last``; ``campaigns``: a record
    each of at most `MOST_CAMPAIGNS`, the largest, in the order in which they began; ``without``:
    attack rows of no known campaign.
    """
    if CAMPAIGN not in columns:
        return None
    time = known_at(columns)
    attacks = 0
    pieces = []
    names = [LABEL, ATTACK, CAMPAIGN, *([time] if time else [])]
    for piece in rows.read(names):
        of_attacks = piece[piece[LABEL].eq(1).fillna(value=False).to_numpy(dtype=bool)]
        attacks += len(of_attacks)
        pieces.append(_summed(of_attacks.dropna(subset=[CAMPAIGN]), time))
    table = _joined(pd.concat(pieces))
    if table.empty:
        return None
    return {
        "count": len(table),
        "families": _families(table),
        "campaigns": _records(table),
        "without": attacks - int(table["rows"].sum()),
    }


def _summed(rows: pd.DataFrame, time: str | None) -> pd.DataFrame:
    """Return a row per campaign and family of some rows."""
    moments = rows[time] if time else pd.Series(pd.NaT, rows.index, dtype="datetime64[us, UTC]")
    family = rows[ATTACK].astype(object).where(rows[ATTACK].notna(), UNNAMED).astype(str)
    named = pd.DataFrame({
        "campaign": rows[CAMPAIGN].astype(str), "family": family, "begin": moments, "end": moments,
        "rows": 1,
    })  # fmt: skip
    return _grouped(named, ["campaign", "family"])


def _grouped(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    groups = table.groupby(keys, sort=False, as_index=False)
    return groups.agg({"rows": "sum", "begin": "min", "end": "max"})


def _joined(pieces: pd.DataFrame) -> pd.DataFrame:
    """Return a row per campaign, in the order in which they began."""
    by_family = _grouped(pieces, ["campaign", "family"])
    largest = by_family.sort_values(["rows", "family"], ascending=[False, True], kind="stable")
    families = largest.drop_duplicates("campaign").set_index("campaign")["family"]
    table = _grouped(by_family, ["campaign"])
    table["family"] = table["campaign"].map(families)
    table["minutes"] = (table["end"] - table["begin"]).dt.total_seconds() / 60
    return table.sort_values(["begin", "campaign"], kind="stable").reset_index(drop=True)


def _families(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    found = {
        str(family): {
            "campaigns": len(of_family),
            "rows": int(of_family["rows"].sum()),
            "median_rows": float(of_family["rows"].median()),
            "most_rows": int(of_family["rows"].max()),
            **_times(of_family),
        }
        for family, of_family in table.groupby("family", sort=True)
    }
    return dict(sorted(found.items(), key=lambda each: -each[1]["campaigns"]))


def _times(table: pd.DataFrame) -> dict[str, Any]:
    known = table.dropna(subset=["begin"])
    if known.empty:
        return {}
    return {
        "median_minutes": float(known["minutes"].median()),
        "most_minutes": float(known["minutes"].max()),
        "first": known["begin"].min().isoformat(),
        "last": known["end"].max().isoformat(),
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    shown = table.loc[table["rows"].nlargest(MOST_CAMPAIGNS).index.sort_values()]
    return [
        {
            "campaign": campaign, "family": family, "rows": int(rows),
            **({} if pd.isna(begin) else {"begin": begin.isoformat(), "end": end.isoformat()}),
        }
        for campaign, family, rows, begin, end in zip(
            *(shown[name] for name in ("campaign", "family", "rows", "begin", "end")), strict=True
        )
    ]  # fmt: skip
