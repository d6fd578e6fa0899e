"""The detectors of a training side by side: which one won, which is champion, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from oddwire.evaluation import yardstick
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.evaluation.uncertainty.resampling import affordable_resamples
from oddwire.evaluation.without_labels.preference import explain_preference

Row = dict[str, Any]


def marked(
    rows: Iterable[Mapping[str, Any]], *, winner: str, champion: str | None
) -> tuple[Row, ...]:
    """Return a leaderboard's rows with ``is_winner`` and ``is_champion``.

    Parameters
    ----------
    winner
        The detector that the training chose.
    champion
        Number of the version that is champion, None where none is; it may be of another training.
    """
    return tuple(
        {
            **row,
            "is_winner": row["detector"] == winner,
            "is_champion": champion is not None and row.get("model_version") == champion,
        }
        for row in rows
    )


def explain_choice(
    winner: str,
    on_validation: Mapping[str, float],
    on_test: Mapping[str, ScoredRows],
    *,
    criterion: str,
    later: bool,
    seed: int,
) -> str:
    """Say by what the best detector was chosen, and where the test rows disagree.

    Parameters
    ----------
    on_validation
        What each detector is worth on the validation rows, by which it was chosen; empty where
        they cannot tell.
    on_test
        Each one's scores of the test rows, which choose nothing.
    criterion
        The figure on the validation rows, in words.
    later
        Whether the test rows are later in time.

    Returns
    -------
    str
        A sentence; empty where there was no choice.
    """
    others = {name: value for name, value in on_validation.items() if name != winner}
    if on_validation and not others:
        return ""
    several = len(on_test) > 1
    rows = "later test rows" if later else "test rows"
    on_later = _on_test(winner, on_test, rows, seed) if several else "."
    if not on_validation:
        return f"{explain_preference(winner, several=several)}{on_later}"
    second = max(others, key=lambda name: others[name])
    chosen = (
        f"{winner} was chosen on validation rows by {criterion}: {on_validation[winner]:.4f}; next "
        f"is {second} with {others[second]:.4f}"
    )
    return f"{chosen}{on_later}"


def _on_test(winner: str, scored: Mapping[str, ScoredRows], rows: str, seed: int) -> str:
    mine = scored[winner]
    worth = {name: yardstick.value(each) for name, each in scored.items()}
    known = {name: value for name, value in worth.items() if value is not None}
    if not known:
        return "."
    leader = max(known, key=lambda name: (known[name], name == winner))
    if leader == winner:
        best = f"{known[winner]:.4f}"
        alone = all(f"{value:.4f}" != best for name, value in known.items() if name != winner)
        found = f"On the {rows} it leads" if alone else f"None finds more on the {rows}"
        return f". {found} ({yardstick.HEAD} {best})."
    lead = yardstick.paired_difference(
        scored[leader], mine, resamples=affordable_resamples(len(mine.scores)), seed=seed
    )  # fmt: skip
    chance = (
        "within chance"
        if lead.low <= 0
        else "more than chance among these rows explains: those of the validation are unlike them, "
        "or too few to tell"
    )
    return (
        f". On the {rows}, which choose nothing, {leader} leads by {lead.estimate:.4f} "
        f"({yardstick.HEAD} {lead.challenger:.4f} against {lead.champion:.4f}, 95 % interval "
        f"{lead.low:+.4f} to {lead.high:+.4f}), {chance}."
    )
