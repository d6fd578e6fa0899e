"""A heat map: how well each detector finds each attack family."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from oddwire.evaluation.plots.canvas import canvas, name_of, nothing_to_draw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from oddwire.evaluation.families import FamilyEvaluation, FamilyResult
    from oddwire.evaluation.metrics import Floats

MOST_FAMILIES = 60
_LIGHT = 0.55  # viridis is light from here on: only black text is readable


def family_heat_map_figure(detectors: Mapping[str, FamilyEvaluation]) -> Figure:
    """Draw recall at the threshold and ROC AUC, a row per family and a column per detector.

    The families are those of the first detector, the largest first; families that validation did
    not hold are marked with a star. Beyond ``MOST_FAMILIES`` the smallest are left out, and a note
    says so.

    Parameters
    ----------
    detectors
        Results per family by the detector's name, all of the same test rows.
    """
    first = next(iter(detectors.values()), None)
    if first is None or not len(first):
        return nothing_to_draw(canvas("Attack families")[0], "no test row is labelled as an attack")
    shown = first.families[:MOST_FAMILIES]
    left_out = len(first) - len(shown)
    figure, unused = canvas("", size=_size(len(shown), len(detectors)))
    unused.remove()
    left, right = figure.subplots(1, 2)
    recall, area = _values(detectors, shown, "recall"), _values(detectors, shown, "roc_auc")
    figure.suptitle("Attack families, test rows", x=0.01, ha="left")
    _paint(left, recall, list(detectors), "recall at the threshold")
    _paint(right, area, list(detectors), "ROC AUC")
    left.set_yticks(range(len(shown)), [_row_name(result) for result in shown])
    right.set_yticks([])
    notes = ["ROC AUC: the family against all benign rows."]
    notes += ["* No attack of the family in validation."] * any(r.seen is False for r in shown)
    notes += [f"{left_out} smaller families are left out."] * bool(left_out)
    figure.supxlabel("\n".join(notes), fontsize="small", x=0.01, ha="left")
    return figure


def _size(families: int, detectors: int) -> tuple[float, float]:
    return 4.2 + 1.1 * max(detectors, 3), 2.6 + 0.27 * families


def _values(
    detectors: Mapping[str, FamilyEvaluation], shown: Sequence[FamilyResult], name: str
) -> Floats:
    columns = []
    for families in detectors.values():
        known = {result.family: getattr(result, name) for result in families}
        values = [known.get(result.family) for result in shown]
        columns.append([np.nan if value is None else value for value in values])
    return np.array(columns, dtype=np.float64).T


def _row_name(result: FamilyResult) -> str:
    star = " *" if result.seen is False else ""
    return f"{name_of(result.family)} ({result.rows:,}){star}"


def _paint(axes: Axes, values: Floats, names: Sequence[str], what: str) -> None:
    axes.imshow(values, cmap="viridis", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    for (row, column), value in np.ndenumerate(values):
        known = bool(np.isfinite(value))
        text = f"{value:.2f}" if known else "?"
        colour = "black" if not known or value > _LIGHT else "white"
        drawn = axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
        drawn.set_in_layout(False)  # it fits anyway, and measuring every text takes seconds
    axes.set_xticks(range(len(names)), [name_of(name) for name in names])
    axes.tick_params(length=0)
    axes.tick_params(axis="x", rotation=35)
    for tick in axes.get_xticklabels():
        tick.set(ha="right", rotation_mode="anchor")
    axes.set_title(what, loc="left", fontsize="medium")
    axes.spines[:].set_visible(False)
