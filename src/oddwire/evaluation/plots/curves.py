"""ROC and precision-recall curves, confusion, score histogram and search history.

What cannot be drawn, because the rows hold one class or no label, becomes a figure that says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from oddwire.evaluation.metrics import (
    Confusion,
    Curve,
    Floats,
    average_precision,
    check_scores,
    known_labels,
    ranking_curve,
    roc_auc,
)
from oddwire.evaluation.plots.canvas import (
    ATTACK,
    BENIGN,
    CHANCE,
    UNLABELLED,
    canvas,
    drawable,
    name_of,
    nothing_to_draw,
    shares_in_percent,
    styles,
    wide_canvas,
)
from oddwire.evaluation.plots.score_axis import choose_axis
from oddwire.percent import percent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_POINTS = 2000  # a curve of more corners looks the same
_BY_CHANCE = 100  # points of the line of chance, which is bent on a logarithmic axis
_MARK = 55  # size of the point at the threshold, in square points
_WHOLE = (-0.01, 1.02)  # limits of an axis of shares


def roc_curve_figure(
    detectors: Mapping[str, tuple[Any, Any]],
    *,
    thresholds: Mapping[str, float] | None = None,
    target: tuple[float, str] | None = None,
) -> Figure:
    """Draw recall over the false-positive rate, on a linear and on a logarithmic axis.

    Few false alarms are what a threshold is set for, and a linear axis hides them at its edge.

    Parameters
    ----------
    detectors
        Labels and anomaly scores by the detector's name, each of shape (n,).
    thresholds
        Smallest score that counts as an alert, by the detector's name: marked on its curve.
    target
        False-positive rate that the threshold stands for, to mark, and the target in words; None
        for none.
    """
    curves = _curves(detectors)
    if not curves:
        return nothing_to_draw(canvas("ROC curve")[0], "no labelled rows of both classes")
    figure, linear, near = wide_canvas("ROC curve, test rows")
    floor = 0.5 / max(curve.benign[-1] for _, _, curve in curves)
    for (name, _, curve), style in zip(curves, styles(), strict=False):
        fpr = np.append(0, curve.benign / curve.benign[-1])
        recall = np.append(0, curve.attacks / curve.attacks[-1])
        label = f"{name_of(name)} (AUC {roc_auc(curve):.3f})"
        linear.plot(*_thin(fpr, recall), label=label, **style)
        near.plot(*_thin(np.maximum(fpr, floor), recall, by=np.log), **style)
        if (point := _operating_point(curve, (thresholds or {}).get(name))) is not None:
            found, alarms = point[0] / curve.attacks[-1], point[1] / curve.benign[-1]
            label = f"{name_of(name)}: {percent(found)} at {percent(alarms)} FPR"
            _mark(linear, alarms, found, style)
            _mark(near, max(alarms, floor), found, style, label=label)
    chance = np.geomspace(floor, 1, _BY_CHANCE)
    for axes in (linear, near):
        axes.plot(chance, chance, label="chance" if axes is linear else None, **CHANCE)
        if target is not None:
            rate, words = target
            label = f"alert p-value {percent(rate)}, for {words}"
            axes.axvline(rate, color="0.4", linewidth=1, label=label)
        axes.set_xlabel(
            f"false-positive rate ({_of([c.benign[-1] for *_, c in curves], 'benign')})"
        )
    _square(linear)
    near.set_title("the same, by the logarithm of the rate", loc="left", fontsize="medium")
    near.set(xscale="log", xlim=(floor, 1.1), ylim=_WHOLE)
    near.set_xticks([tick for tick in 10.0 ** np.arange(-6, 1) if tick >= floor])
    _in_percent(near)
    linear.set_ylabel(f"recall ({_of([c.attacks[-1] for *_, c in curves], 'attack')})")
    linear.legend(loc="lower right", fontsize="small")
    if near.get_legend_handles_labels()[1]:
        near.legend(loc="upper left", fontsize="small", title="at the threshold, recall",
                    title_fontsize="small", alignment="left")  # fmt: skip
    return figure


def precision_recall_figure(
    detectors: Mapping[str, tuple[Any, Any]], *, thresholds: Mapping[str, float] | None = None
) -> Figure:
    """Draw precision over recall, a line per detector, with the share of attacks.

    Parameters
    ----------
    detectors
        Labels and anomaly scores by the detector's name, each of shape (n,).
    thresholds
        Smallest score that counts as an alert, by the detector's name: marked on its curve.
    """
    figure, axes = canvas("Precision-recall curve, test rows")
    curves = _curves(detectors)
    shares = [share for _, share, _ in curves]
    for (name, share, curve), style in zip(curves, styles(), strict=False):
        recall = np.append(0, curve.attacks / curve.attacks[-1])
        precision = curve.attacks / (curve.attacks + curve.benign)
        precision = np.append(precision[0], precision)
        attacks = "" if len(set(shares)) == 1 else f", attacks {percent(share)}"
        label = f"{name_of(name)} (AP {average_precision(curve):.3f}{attacks})"
        axes.plot(*_thin(recall, precision), drawstyle="steps-pre", label=label, **style)
        if (point := _operating_point(curve, (thresholds or {}).get(name))) is not None:
            _mark(axes, point[0] / curve.attacks[-1], point[0] / sum(point), style)
    if not curves:
        return nothing_to_draw(figure, "no labelled rows of both classes")
    if axes.collections:
        axes.scatter([], [], color="0.5", edgecolors="black", s=_MARK, label="at the threshold")
    if len(set(shares)) == 1:
        note = f"chance: attacks are {percent(shares[0])} of the rows"
        axes.axhline(shares[0], label=note, **CHANCE)
    _square(axes)
    axes.set_xlabel(f"recall ({_of([c.attacks[-1] for *_, c in curves], 'attack')})")
    axes.set_ylabel("precision (share of alerts that are attacks)")
    axes.legend(loc="best", fontsize="small")
    return figure


def confusion_figure(confusion: Confusion, *, title: str = "Confusion matrix") -> Figure:
    """Draw the four counts, each with its share of the row's class.

    Parameters
    ----------
    confusion
        Counts of labelled rows, as `metrics.Evaluation` has them.
    title
        Heading.
    """
    figure, axes = canvas(title, size=(5.2, 4.6))
    counts = np.array([[confusion.tn, confusion.fp], [confusion.fn, confusion.tp]])
    totals = counts.sum(axis=1, keepdims=True)
    if not totals.sum():
        return nothing_to_draw(figure, "no labelled rows")
    shares = counts / np.maximum(totals, 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        share = percent(shares[row, column]) if totals[row, 0] else "no rows"
        dark = shares[row, column] > 0.7  # noqa: PLR2004 - white text is readable from here on
        colour = "white" if dark else "black"
        text = f"{count:,}\n{share}"
        axes.text(column, row, text, ha="center", va="center", fontsize="large", color=colour)
    axes.set_xticks([0, 1], ["no alert", "alert"])
    rows = [
        f"{name}\n({total:,})"
        for name, total in zip(("benign", "attack"), totals[:, 0], strict=True)
    ]
    axes.set_yticks([0, 1], rows)
    axes.tick_params(length=0)
    axes.set_xlabel("prediction")
    axes.set_ylabel("label")
    return figure


def score_histogram_figure(
    labels: Any, scores: Any, *, threshold: float | None = None, title: str = "Anomaly scores"
) -> Figure:
    """Draw the distribution of the anomaly scores of benign rows, attacks and unlabelled rows.

    Each group is normalised on its own, so that few attacks are visible next to many benign rows.
    The score axis is logarithmic where the scores are heavy-tailed (symmetric where some are
    negative).

    Parameters
    ----------
    labels
        0, 1 or missing per row, shape (n,); None where no row has one.
    scores
        Anomaly scores, shape (n,).
    threshold
        Smallest score that counts as an alert, drawn as a line; None for no line.
    title
        Heading.
    """
    figure, axes = canvas(title, size=(7.0, 4.4))
    scores = drawable(check_scores(scores))
    if not len(scores):
        return nothing_to_draw(figure, "no rows")
    known, attack = known_labels(labels, len(scores))
    groups = {
        "benign": (scores[known][~attack], BENIGN),
        "attack": (scores[known][attack], ATTACK),
        "unlabelled": (scores[~known], UNLABELLED),
    }
    marks = drawable([threshold] if threshold is not None and np.isfinite(threshold) else [])
    edges = choose_axis(axes, np.append(scores, marks))
    for name, (members, colour) in groups.items():
        if len(members):
            _histogram(axes, members, edges, colour, f"{name} ({len(members):,})")
    for mark in marks:
        axes.axvline(mark, color="black", linestyle="--", label=f"threshold {threshold:.4g}")
    axes.set_xlabel("anomaly score (higher = more anomalous)")
    axes.set_ylabel("share of the group's rows")
    axes.yaxis.set_major_formatter(shares_in_percent)
    axes.legend(loc="best", fontsize="small")
    return figure


def optimisation_history_figure(
    values: Sequence[float | None],
    chosen: float | None = None,
    *,
    objective: str = "average precision on validation",
    title: str = "Hyperparameter search",
) -> Figure:
    """Draw each trial's value and the best so far.

    Parameters
    ----------
    values
        Objective by trial, in order, higher = better; None where a trial was pruned or failed.
    chosen
        The value of the chosen trial, which need not be the best: a small gain over the defaults
        may be chance. None where there is none.
    objective
        Label of the value axis.
    title
        Heading.
    """
    figure, axes = canvas(title, size=(7.0, 4.4))
    heights = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    done = np.isfinite(heights)
    heights = drawable(heights)
    if not done.any():
        return nothing_to_draw(figure, "no trial completed")
    trials = np.arange(1, len(heights) + 1)
    so_far = np.fmax.accumulate(np.where(done, heights, -np.inf))
    begun = np.isfinite(so_far)
    axes.plot(trials[done], heights[done], "o", color=BENIGN, markersize=5, label="trial")
    axes.step(trials[begun], so_far[begun], where="post", color=ATTACK, label="best so far")
    if not done.all():
        bottom = np.full(int((~done).sum()), heights[done].min())
        label = "pruned or failed"
        axes.plot(trials[~done], bottom, "x", color=UNLABELLED, markersize=6, label=label)
    if chosen is not None and np.isfinite(chosen):
        axes.axhline(
            float(drawable(chosen)),
            color="0.5",
            linewidth=1,
            linestyle=":",
            label=f"chosen {_four_digits(chosen)}",
        )
    axes.set_xlabel("trial")
    axes.set_ylabel(objective)
    axes.locator_params(axis="x", integer=True)
    axes.legend(loc="best", fontsize="small")
    return figure


def _four_digits(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1e6 else f"{value:.4g}"  # noqa: PLR2004 - too long


def _curves(detectors: Mapping[str, tuple[Any, Any]]) -> list[tuple[str, float, Curve]]:
    curves = []
    for name, (labels, given) in detectors.items():
        scores = check_scores(given)
        known, attack = known_labels(labels, len(scores))
        if attack.any() and not attack.all():
            curves.append((name, float(attack.mean()), ranking_curve(attack, scores[known])))
    return curves


def _operating_point(curve: Curve, threshold: float | None) -> tuple[float, float] | None:
    """Count attacks and benign rows from a threshold on; None where it raises no alert."""
    if threshold is None:
        return None
    alerts = int((curve.thresholds >= threshold).sum())
    return (
        None if not alerts else (float(curve.attacks[alerts - 1]), float(curve.benign[alerts - 1]))
    )


def _mark(axes: Axes, x: float, y: float, style: Mapping[str, Any], label: str = "") -> None:
    axes.scatter([x], [y], color=style["color"], edgecolors="black", s=_MARK, zorder=3,
                 label=label or None)  # fmt: skip


def _of(counts: Sequence[float], kind: str) -> str:
    """Say of how many rows shares are, where all detectors have the same."""
    plural = {"benign": "benign rows", "attack": "attacks"}[kind]
    return f"share of {counts[0]:,.0f} {plural}" if len(set(counts)) == 1 else f"share of {plural}"


def _thin(
    x: Floats, y: Floats, by: Callable[[Floats], Floats] | None = None
) -> tuple[Floats, Floats]:
    """Keep what can be seen: the ends, and points evenly spaced along the axis."""
    if len(x) <= _MOST_POINTS:
        return x, y
    place = np.arange(len(x)) if by is None else by(x)
    wanted = np.linspace(place[0], place[-1], _MOST_POINTS)
    last = np.searchsorted(place, wanted[1:], side="right") - 1  # of equal places the farthest
    kept = np.unique(np.append(0, last))
    return x[kept], y[kept]


def _square(axes: Axes) -> None:
    axes.set(xlim=(-0.01, 1.01), ylim=_WHOLE)
    _in_percent(axes)


def _in_percent(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(shares_in_percent)
    axes.yaxis.set_major_formatter(shares_in_percent)
    axes.grid(color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)


def _histogram(axes: Axes, members: Floats, edges: Floats, colour: str, label: str) -> None:
    counts, _ = np.histogram(members, edges)
    shares = counts / len(members)
    axes.stairs(shares, edges, fill=True, color=colour, alpha=0.25)
    axes.stairs(shares, edges, color=colour, linewidth=1.4, label=label)
