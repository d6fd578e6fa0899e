"""Campaigns as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oddwire.durations import in_time
from oddwire.percent import percent
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from oddwire.evaluation.campaigns.result import CampaignEvaluation, CampaignSummary

_MOST_FAMILIES = 40
_LONGEST_NAME = 32


def found_in_words(summary: CampaignSummary) -> str:
    """Say how many campaigns are found, how sure that is, and how many would be by chance."""
    text = f"{summary.found:,} of {summary.campaigns:,} campaigns found"
    text += f" ({percent(summary.recall)}; 95 % interval {percent(summary.recall_low)}"
    text += f" to {percent(summary.recall_high)})"
    if summary.by_chance is not None:
        text += f"; {summary.by_chance:.1f} would be by chance"
    return text


def figures_in_words(figures: Mapping[str, Any]) -> str:
    """Say what a detector's figures (`result.FIGURES`) tell of campaigns; empty where none is."""
    if not figures.get("campaigns"):
        return ""
    text = f"{figures['campaigns_found']:,} of {figures['campaigns']:,} campaigns found"
    if (chance := figures["campaigns_by_chance"]) is not None:
        text += f" ({chance:.1f} would be by chance)"
    if (minutes := figures["minutes_to_first_alert"]) is not None:
        text += f", half of all within {in_time(minutes)} of their first connection"
    return text


def campaign_report(evaluation: CampaignEvaluation) -> str:
    """Return how many campaigns are found, how soon, and with how many alerts; by family too.

    Empty where no campaign is known.
    """
    total = evaluation.summary
    if total is None:
        return ""
    lines = [found_in_words(total), *_notes(evaluation, total), "", _HEAD]
    families = list(evaluation.by_family().items())
    lines += [_family_line(name, each) for name, each in families[:_MOST_FAMILIES]]
    if len(families) > _MOST_FAMILIES:
        lines.append(f"  and {len(families) - _MOST_FAMILIES:,} families of fewer campaigns")
    return "\n".join(lines) + "\n"


def _notes(evaluation: CampaignEvaluation, total: CampaignSummary) -> Iterator[str]:
    if total.minutes_to_first_alert is not None:
        yield (
            f"  first alert: half of all within {in_time(total.minutes_to_first_alert)}"
            f", half of those found within {in_time(total.minutes_of_found or 0)}"
        )
    elif total.minutes_of_found is not None:
        yield (
            f"  first alert: half of those found within {in_time(total.minutes_of_found)}; of all,"
            " more than half never raised one"
        )
    if total.found:
        yield (
            f"  alerts of a found campaign: {total.alerts:,} (median), {total.most_alerts:,}"
            f" (90th percentile); in incidents {total.incidents:,} and {total.most_incidents:,}"
        )
    if before := evaluation.begun_before:
        yield (
            f"  {before:,} of them began before these rows: their time counts from their first"
            " row among these"
        )
    if evaluation.rows_without:
        yield (
            f"  attack rows of no known campaign: {evaluation.rows_without:,},"
            f" {evaluation.alerts_without:,} of them alerts"
        )


_HEAD = f"  {'family':<{_LONGEST_NAME}} {'found':>9} {'by chance':>10} {'half alert within':>18}"


def _family_line(name: str, summary: CampaignSummary) -> str:
    found = f"{summary.found:,}/{summary.campaigns:,}"
    chance = "-" if summary.by_chance is None else f"{summary.by_chance:.1f}"
    minutes = summary.minutes_to_first_alert
    soon = "-" if minutes is None else in_time(minutes)
    name = printable(name, _LONGEST_NAME)
    return f"  {name:<{_LONGEST_NAME}} {found:>9} {chance:>10} {soon:>18}"
