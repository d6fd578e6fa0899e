"""What each detector is good and bad at, in sentences made from the figures per attack family.

A family is called found or missed by its recall at the detector's own threshold. A detector leads
or trails the others where the exact intervals of their recalls do not overlap, which is stricter
than a paired test on the same rows. Families of fewer than ``FEW_ROWS`` rows are left out where
there are larger ones: their recall jumps with a single row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oddwire.evaluation.families import FamilyResult
from oddwire.percent import percent
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oddwire.evaluation.families import FamilyEvaluation

FEW_ROWS = 20
FOUND, MISSED = 0.9, 0.5
_MOST_NAMED = 3
_LONGEST_NAME = 60


def describe_strengths(detectors: Mapping[str, FamilyEvaluation]) -> dict[str, str]:
    """Describe which families each detector finds, misses, and finds better than the others.

    Parameters
    ----------
    detectors
        Figures per family by the detector's name, all of the same test rows.

    Returns
    -------
    dict
        One line of plain text per detector. Names of families are printable, and otherwise as in
        the source: escape the text for Markdown or HTML.
    """
    return {
        name: _sentence(name, families, {n: f for n, f in detectors.items() if n != name})
        for name, families in detectors.items()
    }


def _sentence(name: str, mine: FamilyEvaluation, others: Mapping[str, FamilyEvaluation]) -> str:
    if not len(mine):
        return f"{name}: no test row is labelled as an attack, so nothing is known of families."
    results = [result for result in mine if result.rows >= FEW_ROWS] or list(mine)
    found = [result for result in results if result.recall >= FOUND]
    missed = sorted((r for r in results if r.recall < MISSED), key=lambda r: (r.recall, -r.rows))
    parts = [
        _listed("finds nearly all of", found, "finds no family almost completely"),
        _listed("mostly misses", missed, "mostly misses no family"),
    ]
    if others:
        parts += _against(results, others)
    return f"{name} {'; '.join(parts)}."


def _listed(what: str, results: Sequence[FamilyResult], none: str) -> str:
    if not results:
        return none
    named = ", ".join(_named(result) for result in results[:_MOST_NAMED])
    more = len(results) - _MOST_NAMED
    return f"{what} {named}" + (f" and {more} more" if more > 0 else "")


def _named(result: FamilyResult) -> str:
    unseen = ", unseen in validation" if result.seen is False else ""
    name = printable(result.family, _LONGEST_NAME)
    return f"{name} ({percent(result.recall)} of {result.rows:,}{unseen})"


def _against(results: Sequence[FamilyResult], others: Mapping[str, FamilyEvaluation]) -> list[str]:
    """Describe where a detector leads all others, and where it trails all of them."""
    known = {name: {peer.family: peer for peer in them} for name, them in others.items()}
    ahead, behind = [], []
    for result in results:
        peers = {n: them[result.family] for n, them in known.items() if result.family in them}
        if not peers:
            continue
        best = max(peers, key=lambda name: peers[name].recall)
        worst = min(peers, key=lambda name: peers[name].recall)
        if result.recall_low > peers[best].recall_high:
            ahead.append((result, best, peers[best]))
        elif result.recall_high < peers[worst].recall_low:
            behind.append((result, best, peers[best]))
    return [
        _compared("leads all others on", ahead) or "clearly leads all others on no family",
        *filter(None, [_compared("trails all others on", behind)]),
    ]


def _compared(what: str, leads: list[tuple[FamilyResult, str, FamilyResult]]) -> str:
    widest = sorted(leads, key=lambda lead: -abs(lead[0].recall - lead[2].recall))
    named = [
        f"{printable(mine.family, _LONGEST_NAME)} "
        f"({percent(mine.recall)} against {percent(peer.recall)} of {name})"
        for mine, name, peer in widest[:_MOST_NAMED]
    ]
    more = len(leads) - _MOST_NAMED
    rest = f" and {more} more" if more > 0 else ""
    return f"{what} {', '.join(named)}{rest}" if named else ""
