"""Tables read well in a terminal of any width: no name and no figure is cut."""

from __future__ import annotations

import pytest
from rich.markup import escape

from oddwire.cli.terminal.comparison_tables import print_comparison
from oddwire.cli.terminal.leaderboard_table import print_leaderboard
from oddwire.cli.terminal.printing import print_table, printer
from oddwire.evaluation.uncertainty.comparing import Difference
from oddwire.operations.comparison.trainings import COMPARED, Comparison, DetectorComparison
from oddwire.percent import percent
from oddwire.traffic.wire_text import printable

NAMES = ["local_outlier_factor", "isolation_forest", "autoencoder"]
ROW = {
    "validation": 0.9123, "criterion": "family_log_auc", "family_log_auc": 0.4567,
    "roc_auc": 0.9, "average_precision": 0.8, "f1": 0.7,
    "recall_at_fpr_0.01": 0.6, "false_positive_rate": 0.0275, "target": {"share_of_rows": 0.01},
    "fit_seconds": 1.0, "rows_per_second": 123456.0,
}  # fmt: skip


@pytest.fixture
def printed(capsys, monkeypatch):
    """A function that prints at a width, and returns what was printed."""

    def call(width, function, *arguments, **options):
        monkeypatch.setenv("COLUMNS", str(width))
        function(*arguments, **options)
        out = capsys.readouterr().out
        assert max(map(len, out.splitlines())) <= width
        assert "…" not in out
        return out

    return call


@pytest.mark.parametrize("width", [60, 80, 120])
def test_names_and_figures_stay_whole_and_columns_left_out_are_named(printed, width):
    rows = [{"detector": name, **ROW} for name in NAMES]
    out = printed(width, print_leaderboard, rows, title="Training on desk")
    for name in NAMES:
        (line,) = [line for line in out.splitlines() if name in line]
        assert {"0.9123", "0.4567", "2.75"} <= set(line.split())
    assert ("123,456" in out) == (width == 120)
    assert ("wider terminals also show" in out) == (width < 120)
    assert "rows/s" in out


@pytest.mark.parametrize(
    ("criterion", "measured_by"), [("family_log_auc", "log AUC"), ("synthetic", "")]
)
def test_the_yardstick_stands_in_the_head_and_winner_and_champion_are_marked(
    printed, criterion, measured_by
):
    rows = [
        {"detector": name, **ROW, "criterion": criterion, "is_winner": winner, "is_champion": both}
        for name, winner, both in zip(NAMES, [True, False, True], [False, False, True], strict=True)
    ]
    out = printed(200, print_leaderboard, rows, title="t")
    lines = out.splitlines()
    (head,) = [line for line in lines if "validation" in line]
    at = head.index("validation")
    below = lines[lines.index(head) + 1][at : at + len("validation")]
    assert below.strip(" ─") == measured_by
    assert ["winner" in line for line in lines if "0.9123" in line] == [True, False, True]
    assert sum("champion" in line for line in lines) == 1


def print_in_table(rows, **options):
    print_table(printer(), rows, **options)  # as wide as it is now


def test_a_title_wider_than_its_table_stays_on_one_line(printed):
    title = "Drift check of simulated: scenario new_service"
    out = printed(80, print_in_table, [{"column": "sent"}], title=title, text=("column",))
    assert out.splitlines()[0].rstrip() == title


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_long_hostile_name_folds_and_leaves_names_and_figures_whole(printed, width):
    run, hostile = "0123456789abcdef" * 2, "[b]" + "h" * 200
    rows = [
        {"run": run, "name": printable(hostile), "share": "12.5%"},
        {"run": run, "name": "a name of some words", "share": "2%"},
    ]
    rows = [{head: escape(cell) for head, cell in row.items()} for row in rows]
    out = printed(width, print_in_table, rows, title="t", text=("run", "name"))
    lines = [line for line in out.splitlines() if run in line]
    assert [line.split()[-1] for line in lines] == ["12.5%", "2%"]
    assert "".join(out.split()).count("h") >= 200
    assert "[b]" in out


@pytest.mark.parametrize("width", [20, 30])
def test_where_nothing_fits_all_of_it_is_folded_and_nothing_is_cut(printed, width):
    rows = [{"run": "0123456789abcdef" * 2, "figure": "0.123456", "name": "x" * 30}]
    out = printed(width, print_in_table, rows, title="t", text=("run", "name"))
    assert out.count("x") == 30
    assert sum(out.count(letter) for letter in "abcdef") >= 12


def test_figures_that_are_missing_for_one_reason_share_a_line(printed):
    missing = {"f1": None, "roc_auc": None, "undefined": {"f1": "no label", "roc_auc": "no label"}}
    out = printed(80, print_leaderboard, [{"detector": "kmeans", **ROW, **missing}], title="t")
    assert "- f1, roc_auc: no label" in out
    (line,) = [line for line in out.splitlines() if "kmeans" in line]
    assert "-" in line.split()


@pytest.mark.parametrize("unpaired", ["", "their labels differ"])
def test_a_comparison_fits_80_columns(printed, unpaired):
    bounds = {metric: {"low": 0.0123, "high": 0.9876} for metric in COMPARED}
    figures = dict.fromkeys(COMPARED, 0.5) | {"intervals": bounds}
    differences = [
        Difference(
            metric=metric, challenger=0.5, champion=0.49, estimate=0.01, low=-0.01, high=0.02,
            confidence=0.95, resamples=10, share_better=0.7,
        )
        for metric in COMPARED
    ]  # fmt: skip
    compared = DetectorComparison(
        detector="isolation_forest", earlier=figures, later=figures,
        differences=() if unpaired else tuple(differences),
    )  # fmt: skip
    comparison = Comparison(
        earlier="a1", later="b2", detectors=(compared,), only_earlier=(), only_later=("kmeans",),
        unpaired=unpaired,
    )  # fmt: skip
    out = printed(80, print_comparison, comparison, ["a1", "b2"])
    assert "only in B: kmeans" in out
    (line,) = [line for line in out.splitlines() if "recall at 0.1 % FPR" in line]
    if unpaired:
        assert "0.5000 (0.0123 to 0.9876)" in line
        assert "allow no paired comparison: their labels differ" in out
    else:
        assert "-0.0100 to +0.0200" in line
        assert "within chance" in line


@pytest.mark.parametrize("width", range(52, 80, 4))
def test_no_figure_is_parted_from_its_unit(printed, width):
    rows = [
        {"metric": "recall at 0.1 % FPR", "A": "0.9438", "B - A": "+0.0074",
         "95 % interval": "-0.0101 to +0.0222", "difference": "within chance"},
        {"metric": "test FPR", "A": "1.23 %", "B - A": "+12.2 %",
         "95 % interval": "+1.21 % to +13.4 %", "difference": "worse"},
    ]  # fmt: skip
    out = printed(width, print_in_table, rows, title="t", text=("metric", "difference"))
    for figure in ("0.1 %", "1.23 %", "+12.2 %", "+1.21 %", "+13.4 %"):
        assert figure in out


def test_shares_are_shown_in_percent():
    assert [percent(share) for share in (0.01, 0.0275, 0.001, 0.12345)] == [
        "1 %", "2.75 %", "0.1 %", "12.3 %",
    ]  # fmt: skip
