"""What is kept in MLflow of supervised baselines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from oddwire.evaluation.reports import evaluation_report
from oddwire.operations.tracking.items import Item, Metrics, Table, Tags, Text
from oddwire.operations.training.baselines.comparison import (
    BaselineComparison,
    baselines_table,
    what_labels_add,
)


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
                observed=one.observed,
            ),
        )
        if len(one.families):
            yield Table(f"reports/{one.baseline}_families.json", one.families.to_frame())
