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
    UNLABELLED,
    canvas,
    nothing_to_draw,
    styles,
)
from oddwire.traffic.wire_text import plain_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BINS = 60
_HEAVY_TAIL = 20.0  # a range of scores this many times their middle half is drawn on a log axis
_FARTHEST = 1e150  # beyond, the width of the axis would overflow
_MOST_POINTS = 2000  # a curve of more corners looks the same and makes a slow SVG


def roc_curve_figure(
    detectors: Mapping[str, tuple[Any, Any]], *, target_fpr: float | None = None
) -> Figure:
    """Draw recall over the false-positive rate, a line per detector.

    Parameters
    ----------
    detectors
        Labels and anomaly scores by the detector's name, each of shape (n,).
    target_fpr
        Target false-positive rate to mark; None for none.
    """
    figure, axes = canvas("ROC curve")
    curves = _curves(detectors)
    for (name, _, curve), style in zip(curves, styles(), strict=False):
        fpr, recall = _thin(
            np.append(0, curve.benign / curve.benign[-1]),
            np.append(0, curve.attacks / curve.attacks[-1]),
        )
        label = f"{plain_label(name)} (AUC {roc_auc(curve):.3f})"
        axes.plot(fpr, recall, label=label, **style)
    if not curves:
        return nothing_to_draw(figure, "no labelled rows of both classes")
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle=(0, (1, 3)), label="chance")
    if target_fpr is not None:
        axes.axvline(target_fpr, color="0.4", linewidth=1, label=f"target FPR {target_fpr:.2%}")
    _square(axes, "false-positive rate (share of benign rows)", "recall (share of attacks)")
    axes.legend(loc="lower right", fontsize="small")
    return figure


def precision_recall_figure(detectors: Mapping[str, tuple[Any, Any]]) -> Figure:
    """Draw precision over recall, a line per detector, with the share of attacks.

    Parameters
    ----------
    detectors
        Labels and anomaly scores by the detector's name, each of shape (n,).
    """
    figure, axes = canvas("Precision-recall curve")
    curves = _curves(detectors)
    shares = [share for _, share, _ in curves]
    for (name, share, curve), style in zip(curves, styles(), strict=False):
        recall = np.append(0, curve.attacks / curve.attacks[-1])
        precision = curve.attacks / (curve.attacks + curve.benign)
        precision = np.append(precision[0], precision)
        attacks = "" if len(set(shares)) == 1 else f", attacks {share:.1%}"
        label = f"{plain_label(name)} (AP {average_precision(curve):.3f}{attacks})"
        axes.plot(*_thin(recall, precision), drawstyle="steps-pre", label=label, **style)
    if not curves:
        return nothing_to_draw(figure, "no labelled rows of both classes")
    if len(set(shares)) == 1:
        note = f"chance: attacks are {shares[0]:.1%} of the rows"
        axes.axhline(shares[0], color="0.6", linewidth=1, linestyle=(0, (1, 3)), label=note)
    _square(axes, "recall (share of attacks)", "precision (share of alerts)")
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
        share = f"{shares[row, column]:.2%}" if totals[row, 0] else "no rows"
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
    scores = np.clip(check_scores(scores), -_FARTHEST, _FARTHEST)
    if not len(scores):
        return nothing_to_draw(figure, "no rows")
    known, attack = known_labels(labels, len(scores))
    groups = {
        "benign": (scores[known][~attack], BENIGN),
        "attack": (scores[known][attack], ATTACK),
        "unlabelled": (scores[~known], UNLABELLED),
    }
    marks = [] if threshold is None or not np.isfinite(threshold) else [threshold]
    marks = [min(max(mark, -_FARTHEST), _FARTHEST) for mark in marks]
    edges = _bins(axes, np.append(scores, marks))
    for name, (members, colour) in groups.items():
        if len(members):
            _histogram(axes, members, edges, colour, f"{name} ({len(members):,})")
    for mark in marks:
        axes.axvline(mark, color="black", linestyle="--", label=f"threshold {mark:.4g}")
    axes.set_xlabel("anomaly score (higher = more anomalous)")
    axes.set_ylabel("share of the group's rows")
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
    if chosen is not None:
        axes.axhline(chosen, color="0.5", linewidth=1, linestyle=":", label=f"chosen {chosen:.4f}")
    axes.set_xlabel("trial")
    axes.set_ylabel(objective)
    axes.locator_params(axis="x", integer=True)
    axes.legend(loc="best", fontsize="small")
    return figure


def _curves(detectors: Mapping[str, tuple[Any, Any]]) -> list[tuple[str, float, Curve]]:
    curves = []
    for name, (labels, given) in detectors.items():
        scores = check_scores(given)
        known, attack = known_labels(labels, len(scores))
        if attack.any() and not attack.all():
            curves.append((name, float(attack.mean()), ranking_curve(attack, scores[known])))
    return curves


def _thin(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    if len(x) <= _MOST_POINTS:
        return x, y
    kept = np.unique(np.linspace(0, len(x) - 1, _MOST_POINTS).astype(np.int64))
    return x[kept], y[kept]


def _square(axes: Axes, x: str, y: str) -> None:
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), xlabel=x, ylabel=y)
    axes.grid(color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)


def _bins(axes: Axes, scores: Floats) -> Floats:
    low, high = float(scores.min()), float(scores.max())
    lower, middle, upper = np.quantile(scores, [0.25, 0.5, 0.75])
    if high - low <= _HEAVY_TAIL * (upper - lower) or high == low:
        pad = 0.5 + abs(low) / 100 if high == low else 0.0
        return np.linspace(low - pad, high + pad, _BINS + 1)
    if low > 0:
        axes.set_xscale("log")
        return np.geomspace(low, high, _BINS + 1)
    width = max(float(upper - lower), abs(float(middle)) * 1e-3, (high - low) * 1e-6)
    axes.set_xscale("asinh", linear_width=width)
    axes.set_xticks(_decades(low, high, width))
    return width * np.sinh(
        np.linspace(np.arcsinh(low / width), np.arcsinh(high / width), _BINS + 1)
    )


def _decades(low: float, high: float, width: float, most: int = 4) -> list[float]:
    # Matplotlib's own ticks for this scale overlap around zero.
    first = int(np.ceil(np.log10(4 * width)))
    last = int(np.floor(np.log10(max(-low, high))))
    step = max(1, -(-(last - first + 1) // most))
    powers = [10.0**power for power in range(last, first - 1, -step)]
    ticks = [-power for power in powers] + [0.0] + powers
    return [tick for tick in ticks if low <= tick <= high]


def _histogram(axes: Axes, members: Floats, edges: Floats, colour: str, label: str) -> None:
    counts, _ = np.histogram(members, edges)
    shares = counts / len(members)
    axes.stairs(shares, edges, fill=True, color=colour, alpha=0.25)
    axes.stairs(shares, edges, color=colour, linewidth=1.4, label=label)
