"""Every figure is drawn, whatever scores, labels and names are: property-based."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from oddwire.errors import DataError
from oddwire.evaluation.families import evaluate_families
from oddwire.evaluation.plots import curves
from oddwire.evaluation.plots.calibration import calibration_figure
from oddwire.evaluation.plots.canvas import canvas, png_of
from oddwire.evaluation.plots.families import family_heat_map_figure

LARGEST = np.finfo(np.float64).max
NUMBERS = st.one_of(
    st.sampled_from([LARGEST, -LARGEST, 5e-324, -5e-324, 1e-320, 1e300, 0.0, -0.0, 1.0, 1e16]),
    st.floats(allow_nan=False, allow_infinity=False),
)
NAMES = st.one_of(
    st.sampled_from([
        "$", "\\", "a\x00b", "a\nb", r"$\frac", "$x^{$", "\u200fabc", "\u202eabc",
        "\N{GRINNING FACE}", "日本", "_hidden", "y" * 3000, "", "%", "{x}", "e\u0301" * 40,
        "\U0010ffff",
    ]),
    st.text(max_size=8),
)  # fmt: skip


@st.composite
def scored(draw):
    count = draw(st.integers(0, 12))
    pool = draw(st.lists(NUMBERS, min_size=1, max_size=4))  # few, so that many are equal
    scores = draw(st.lists(st.sampled_from(pool), min_size=count, max_size=count))
    label = st.sampled_from([0, 1, None])
    labels = draw(st.lists(label, min_size=count, max_size=count))
    return np.array(labels, dtype=object), np.array(scores)


def coarse(figure):
    figure.set_dpi(50)  # rendered sooner
    return figure


@pytest.mark.slow
@settings(max_examples=8, phases=[Phase.explicit, Phase.generate])
@given(rows=scored(), name=NAMES, threshold=st.one_of(NUMBERS, st.just(np.inf)))
@example(  # the margins of a symmetric logarithmic axis overflowed
    rows=(np.array([1, None, 0], dtype=object), np.array([-1e-291, 1e-320, -1e-291])),
    name="a",
    threshold=5e-324,
)
def test_every_figure_is_drawn_without_a_warning(rows, name, threshold):
    labels, scores = rows
    one, cut = {name: rows}, {name: threshold}
    families = np.where(labels == 1, name, None)
    ranks = (np.argsort(scores) + 1) / (len(scores) + 1)
    figures = [
        lambda: curves.roc_curve_figure(one, thresholds=cut, target=(0.01, "x")),
        lambda: curves.precision_recall_figure(one, thresholds=cut),
        lambda: curves.score_histogram_figure(labels, scores, threshold=threshold, title=name),
        lambda: curves.optimisation_history_figure(list(scores), threshold, title=name),
        lambda: calibration_figure({name: (labels, ranks)}, target=(0.01, "x")),
        lambda: family_heat_map_figure({
            name: evaluate_families(labels, scores, families, threshold=threshold)
        }),
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for draw in figures:
            content, failure = png_of(lambda draw=draw: coarse(draw()))
            assert failure is None
            assert content.startswith(b"\x89PNG")


def refused():
    raise DataError("p-values must\nlie $between$ 0 and 1")


def unfit():
    figure, axes = canvas("a title")
    axes.set_xlabel(r"$\frac$")  # fails when it is rendered
    return figure


@pytest.mark.parametrize(
    ("draw", "says"), [(refused, "DataError: p-values must"), (unfit, "ValueError")]
)
def test_what_cannot_be_drawn_becomes_a_picture_and_one_line_that_says_why(draw, says):
    content, failure = png_of(draw)
    assert content.startswith(b"\x89PNG")
    assert failure.startswith("could not be drawn: ")
    assert says in failure
    assert "\n" not in failure
