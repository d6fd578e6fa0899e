"""What is kept in MLflow of supervised baselines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from oddwire.evaluation.observed import ROWS, Observed, count_false_alarms, observe
from oddwire.evaluation.reports import evaluation_report
from oddwire.operations.tracking.items import Item, Metrics, Table, Tags, Text
from oddwire.operations.training.baselines.comparison import (
    BaselineComparison,
    baselines_table,
    what_labels_add,
)
from oddwire.operations.training.baselines.fitting import BaselineReport


def _observed(one: BaselineReport) -> Observed | None:
    """Compare false alarms with the share of rows that the threshold was set for."""
    found = count_false_alarms(one.scores, one.test.threshold)
    return None if found is None else observe(found, {ROWS: one.test.alert_p_value})


def baseline_items(compared: Sequence[BaselineComparison]) -> Iterator[Item]:
    """Yield the results of supervised baselines, which are never promoted."""
    sentences = "\n".join(what_labels_add(each) for each in compared)
    yield Tags({"supervised": "yes"})
    yield Table("supervised_baselines.json", pd.DataFrame(baselines_table(compared)))
    yield Text("reports/what_labels_add.txt", f"{sentences}\n")
    for one in (each.baseline for each in compared):
        yield Metrics({f"{one.baseline}_{name}": x for name, x in one.test.figures.items()})
        yield Text(
            f"reports/{one.baseline}.txt",
            evaluation_report(
                f"{one.baseline} (supervised) on the test rows",
                one.test,
                one.intervals,
                observed=_observed(one),
            ),
        )
        if len(one.families):
            yield Table(f"reports/{one.baseline}_families.json", one.families.to_frame())
