"""Figures show the values they were given, and never fail on unusual input."""

from __future__ import annotations

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from oddwire.errors import DataError
from oddwire.evaluation.families import evaluate_families
from oddwire.evaluation.metrics import Confusion
from oddwire.evaluation.plots import curves
from oddwire.evaluation.plots.calibration import Levels, calibration_figure, observed_shares
from oddwire.evaluation.plots.families import MOST_FAMILIES, family_heat_map_figure
from oddwire.evaluation.uncertainty.intervals import chance_band


def png(figure):
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def texts(figure):
    axes = figure.axes[0]
    legend = axes.get_legend()
    entries = [text.get_text() for text in legend.get_texts()] if legend else []
    inside = [text.get_text() for text in (*axes.texts, *figure.texts)]
    return "\n".join([axes.get_title(loc="left"), *entries, *inside])


@pytest.fixture
def detectors():
    rng = np.random.default_rng(0)
    labels = np.r_[0, 1, rng.random(4000) < 0.25].astype(int)
    return {
        name: (labels, rng.normal(size=len(labels)) + merit * labels)
        for name, merit in (("forest", 1.0), ("network", 2.0))
    }


def test_a_curve_per_detector_with_its_figure_in_the_legend(detectors):
    separable = {"sure": ([0, 0, 1, 1], [1, 2, 3, 4])}
    roc = curves.roc_curve_figure(detectors | separable, target=(0.01, "30 a day"))
    assert "sure (AUC 1.000)" in texts(roc)
    assert "alert p-value 1 %, for 30 a day" in texts(roc)
    precision = curves.precision_recall_figure(detectors | separable)
    assert "sure (AP 1.000, attacks 50 %)" in texts(precision)
    assert "forest" in texts(precision)
    assert "network" in texts(precision)
    assert png(roc)
    assert png(precision)


def test_the_share_of_attacks_is_shown_with_average_precision(detectors):
    share = np.mean(detectors["forest"][0])
    assert f"attacks are {100 * share:.3g} % of the rows" in texts(
        curves.precision_recall_figure(detectors)
    )


def test_a_long_curve_is_thinned_but_keeps_its_ends(detectors):
    line = curves.roc_curve_figure(detectors).axes[0].lines[0]
    assert len(line.get_xdata()) <= 2000
    assert (line.get_xdata()[0], line.get_ydata()[0]) == (0, 0)
    assert (line.get_xdata()[-1], line.get_ydata()[-1]) == (1, 1)


def test_few_false_alarms_have_an_axis_of_their_own_that_keeps_their_points():
    rng = np.random.default_rng(0)
    labels = (np.arange(60_000) % 3 == 0).astype(int)
    scores = rng.normal(size=len(labels)) + 2 * labels
    linear, near = curves.roc_curve_figure({"forest": (labels, scores)}).axes
    assert (linear.get_xscale(), near.get_xscale()) == ("linear", "log")
    fpr = np.asarray(near.lines[0].get_xdata())
    assert 200 < len(fpr) <= 2000
    assert (fpr < 0.001).sum() >= 40  # of 40,000 benign rows
    recall = np.interp(0.01, fpr, near.lines[0].get_ydata())
    benign, attack = scores[labels == 0], scores[labels == 1]
    assert recall == pytest.approx((attack >= np.quantile(benign, 0.99)).mean(), abs=0.01)
    assert near.lines[0].get_ydata()[-1] == 1


def test_attacks_above_every_benign_row_begin_the_logarithmic_curve():
    labels = np.r_[np.zeros(4000), np.ones(4000)]
    scores = np.r_[np.linspace(0, 1, 4000), np.linspace(-1, 3, 4000)]
    near = curves.roc_curve_figure({"forest": (labels, scores)}).axes[1]
    at_edge = near.lines[0].get_xdata() == near.lines[0].get_xdata()[0]
    assert np.asarray(near.lines[0].get_ydata())[at_edge].max() == pytest.approx(0.5, abs=0.01)


def test_the_threshold_is_marked_where_the_alerts_are():
    detectors = {"forest": ([0, 0, 0, 0, 1, 1], [1, 2, 3, 5, 4, 6]), "network": ([0, 1], [1, 2])}
    thresholds = {"forest": 4.0, "network": np.inf}
    roc = curves.roc_curve_figure(detectors, thresholds=thresholds)
    for axes in roc.axes:
        (mark,) = axes.collections
        assert mark.get_offsets().tolist() == [[0.25, 1.0]]
    legend = [text.get_text() for text in roc.axes[1].get_legend().get_texts()]
    assert legend == ["forest: 100 % at 25 % FPR"]
    precision = curves.precision_recall_figure(detectors, thresholds=thresholds)
    marks = [mark.get_offsets().tolist() for mark in precision.axes[0].collections]
    assert marks[0] == [[1.0, pytest.approx(2 / 3)]]
    assert "at the threshold" in texts(precision)
    assert png(roc)
    assert png(precision)


def test_pictures_are_sharp_and_small(detectors):
    import matplotlib.image

    for figure in (
        curves.roc_curve_figure(detectors, thresholds=dict.fromkeys(detectors, 1.0)),
        curves.precision_recall_figure(detectors),
        curves.confusion_figure(Confusion(1, 2, 3, 4)),
        heat_map(["scan", "flood"]),
    ):
        drawn = png(figure)
        wide = matplotlib.image.imread(io.BytesIO(drawn)).shape[1]
        assert wide >= 150 * figure.get_figwidth()
        assert len(drawn) < 400_000


def test_the_confusion_has_counts_and_shares_of_each_class():
    figure = curves.confusion_figure(Confusion(tn=9000, fp=1000, fn=5, tp=15))
    for words in ("9,000\n90 %", "1,000\n10 %", "5\n25 %", "15\n75 %"):
        assert words in texts(figure)
    assert "no rows" in texts(curves.confusion_figure(Confusion(1, 2, 0, 0)))
    assert png(figure)


@pytest.mark.parametrize(
    ("scores", "scale"),
    [
        (np.linspace(0, 1, 200), "linear"),
        (np.geomspace(1e-3, 1e5, 200), "log"),
        (np.sinh(np.linspace(-12, 12, 200)), "asinh"),
        (np.append(np.zeros(300), [1.0, 2.0]), "asinh"),
        (np.full(5, 7.0), "linear"),
        (np.full(5, 1e300), "linear"),
    ],
    ids=["even", "heavy", "heavy-signed", "mostly-zero", "constant", "huge"],
)
def test_the_histogram_chooses_its_axis_and_draws_every_row(scores, scale):
    figure = curves.score_histogram_figure(None, scores, threshold=float(scores.max()))
    axes = figure.axes[0]
    assert axes.get_xscale() == scale
    assert axes.patches[0].get_data().values.sum() == pytest.approx(1)
    assert png(figure)


def test_the_histogram_shows_all_three_groups_and_the_threshold():
    labels = [0, 0, 0, 1, None]
    figure = curves.score_histogram_figure(labels, [1, 2, 3, 4, 5], threshold=3.5)
    for words in ("benign (3)", "attack (1)", "unlabelled (1)", "threshold 3.5"):
        assert words in texts(figure)
    endless = curves.score_histogram_figure(labels, [1, 2, 3, 4, 5], threshold=np.inf)
    assert "threshold" not in texts(endless)
    assert png(endless)


def test_the_history_shows_the_best_so_far_and_what_was_pruned():
    figure = curves.optimisation_history_figure([None, 0.5, None, 0.7, 0.6], 0.6)
    best = next(line for line in figure.axes[0].lines if line.get_label() == "best so far")
    assert list(best.get_xdata()) == [2, 3, 4, 5]
    assert list(best.get_ydata()) == [0.5, 0.5, 0.7, 0.7]
    assert "pruned or failed" in texts(figure)
    assert "chosen 0.6000" in texts(figure)
    assert png(figure)


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: curves.roc_curve_figure({"a": ([0, 0], [1, 2])}), "both classes"),
        (lambda: curves.roc_curve_figure({}), "both classes"),
        (lambda: curves.precision_recall_figure({"a": (None, [1, 2])}), "both classes"),
        (lambda: curves.confusion_figure(Confusion(0, 0, 0, 0)), "no labelled rows"),
        (lambda: curves.score_histogram_figure([], []), "no rows"),
        (lambda: curves.optimisation_history_figure([None, None]), "no trial"),
        (lambda: curves.optimisation_history_figure([float("nan")], None), "no trial"),
    ],
)
def test_what_cannot_be_drawn_becomes_a_figure_that_says_so(draw, words):
    figure = draw()
    assert "Nothing to draw" in texts(figure)
    assert words in texts(figure)
    assert png(figure)


@pytest.mark.parametrize("name", ["$x^{$", r"a\$b$", "_hidden", "line\nbreak\x00", "$"])
def test_a_hostile_name_is_drawn_as_plain_text(name):
    detectors = {name: ([0, 1], [1, 2])}
    assert png(curves.confusion_figure(Confusion(1, 2, 3, 4), title=name))
    figure = curves.roc_curve_figure(detectors)
    assert png(figure)
    assert "AUC 1.000" in texts(figure)


def test_figures_are_drawn_in_threads_without_pyplot(detectors):
    with ThreadPoolExecutor(2) as pool:
        drawn = list(pool.map(lambda _: png(curves.roc_curve_figure(detectors)), range(4)))
    assert len(set(drawn)) == 1
    code = (
        "import sys, oddwire.evaluation.plots.curves as curves;"
        "assert 'matplotlib' not in sys.modules;"
        "curves.roc_curve_figure({'a': ([0, 1], [1, 2])});"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def heat_map(names, *, seen=(), detectors=("forest", "network")):
    rng = np.random.default_rng(0)
    attack = np.array([None, *np.repeat(names, 3)], dtype=object)
    labels = np.array([0] + [1] * (len(attack) - 1))
    return family_heat_map_figure({
        name: evaluate_families(labels, rng.random(len(labels)), attack, threshold=0.5, seen=seen)
        for name in detectors
    })  # fmt: skip


def test_the_heat_map_has_a_row_per_family_and_a_column_per_detector_twice():
    labels, attack = [0, 0, 1, 1, 1], [None, None, "scan", "scan", "flood"]
    figure = family_heat_map_figure({
        name: evaluate_families(labels, scores, attack, threshold=2, seen={"scan"})
        for name, scores in (("forest", [0, 1, 3, 0.5, 2]), ("network", [0, 1, 3, 4, 0]))
    })  # fmt: skip
    recall, area = figure.axes
    assert [text.get_text() for text in recall.get_yticklabels()] == ["scan (2)", "flood (1) *"]
    assert [text.get_text() for text in area.get_xticklabels()] == ["forest", "network"]
    assert [text.get_text() for text in recall.texts] == ["0.50", "1.00", "1.00", "0.00"]
    assert [text.get_text() for text in area.texts] == ["0.75", "1.00", "1.00", "0.25"]
    assert "No attack of the family in validation" in figure.get_supxlabel()
    assert png(figure)


def test_the_heat_map_keeps_the_largest_families_and_counts_the_rest():
    figure = heat_map([f"family {at}" for at in range(MOST_FAMILIES + 5)], detectors=["forest"])
    assert len(figure.axes[0].get_yticklabels()) == MOST_FAMILIES
    assert "5 smaller families are left out" in figure.get_supxlabel()


def test_no_benign_row_leaves_the_area_open():
    figure = family_heat_map_figure({
        "forest": evaluate_families([1, 1], [1, 2], ["a", "b"], threshold=2)
    })  # fmt: skip
    assert [text.get_text() for text in figure.axes[1].texts] == ["?", "?"]
    assert png(figure)


def test_hostile_families_are_drawn_as_plain_text():
    figure = heat_map(["$x^{$", "_hidden", "a\nb\x00", "y" * 300])
    shown = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert all(len(name) < 50 for name in shown)
    assert not any("\n" in name for name in shown)
    assert png(figure)


def test_valid_p_values_stay_in_their_band_and_others_leave_it():
    rng = np.random.default_rng(0)
    levels = np.array([0.01, 0.05, 0.2, 0.5])
    low, high = chance_band(levels, 5000, None)
    valid = observed_shares(rng.random(5000), levels)
    assert ((low <= valid) & (valid <= high)).all()
    careless = observed_shares(rng.random(5000) ** 1.5, levels)
    assert (careless > high).all()


def test_few_calibration_rows_widen_the_band_as_the_beta_binomial_law_says():
    from scipy import stats

    levels = np.array([0.05, 0.5])
    low, high = chance_band(levels, 400, 99)
    for at, level in enumerate(levels):
        law = stats.betabinom(400, level * 100, (1 - level) * 100)
        assert low[at] == pytest.approx(law.ppf(0.025) / 400, abs=0.011)
        assert high[at] == pytest.approx(law.ppf(0.975) / 400, abs=0.011)
    narrow = chance_band(levels, 400, None)
    assert (low < narrow[0]).all()
    assert (high > narrow[1]).all()


def test_the_calibration_is_that_of_benign_rows_alone():
    labels = np.array([0] * 100 + [1] * 100)
    p_values = np.r_[np.arange(1, 101) / 100, np.full(100, 1e-6)]
    figure = calibration_figure({"forest": (labels, p_values)}, target=(0.05, "5 % of rows"))
    line = next(line for line in figure.axes[0].lines if line.get_label() == "forest")
    shares = np.interp([0.1, 0.5], line.get_xdata(), line.get_ydata())
    assert shares == pytest.approx([0.1, 0.5], abs=0.02)
    assert "100 benign rows" in texts(figure)
    assert "alerts (p of rows) for 5 % of rows" in texts(figure)
    assert png(figure)


def test_units_come_first_and_lines_have_intervals_by_clusters_instead_of_the_band():
    rng = np.random.default_rng(0)
    clusters = np.arange(400) % 40
    units = Levels(rng.random(80), np.arange(80) % 40)
    figure = calibration_figure(
        {"forest": (np.zeros(400), rng.random(400))}, clusters=clusters, units=units
    )
    shown = [line for line in texts(figure).splitlines() if "benign" in line]
    assert shown[1:] == [
        "80 benign units, 95 % by 40 clusters",
        "400 benign rows, 95 % by 40 clusters",
    ]
    assert "chance (" not in texts(figure)
    assert len(figure.axes[0].collections) == 2
    assert png(figure)


def test_a_calibration_without_benign_rows_says_so_and_no_p_value_is_beyond_one():
    figure = calibration_figure({"forest": ([1, None], [0.1, 0.2])})
    assert "no test row is labelled as benign" in texts(figure)
    assert "labelled as an attack" in texts(family_heat_map_figure({}))
    for wrong in (1.5, -0.1, np.nan):
        with pytest.raises(DataError, match="between 0 and 1"):
            calibration_figure({"forest": ([0], [wrong])})
