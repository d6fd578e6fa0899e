"""One file scored and written batch by batch; what needs all its scores, after all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from oddwire.detection.calibration.fdr import discoveries
from oddwire.detection.explaining import phrases, sentences
from oddwire.detection.model import Model
from oddwire.operations.progress import step
from oddwire.operations.scoring.ahead import ahead
from oddwire.operations.scoring.carried import Carried
from oddwire.operations.scoring.rows import ScoreColumns, Scorer
from oddwire.operations.scoring.scored_files import (
    FrameWriter,
    explained_file,
    join_scores,
    own_columns,
    write_refused,
    writing,
)
from oddwire.operations.scoring.unusual import identified
from oddwire.traffic.features.in_batches import FeaturesInBatches
from oddwire.traffic.sources.reading.file_batches import Batch, FileBatches
from oddwire.traffic.sources.reading.time_order import in_time_order


class Asked(NamedTuple):
    """What a scored file has beside scores; see `score_file.score_file`."""

    max_fdr: float | None
    explain_most: int


class FileScoring:
    """One file that is scored batch by batch, and written so.

    Parameters
    ----------
    opened
        Its rows.
    features, carried
        Makes their features, and what else follows from rows before; what they have seen before
        are rows that precede the file's.
    model, version
        What scores them, and its number.
    asked
        What is wanted beside scores.
    out
        Where to write.
    """

    def __init__(
        self,
        opened: FileBatches,
        features: FeaturesInBatches,
        carried: Carried,
        model: Model,
        version: str,
        *,
        asked: Asked,
        out: Path,
    ) -> None:
        self.scorer = Scorer(model, carried, explained=asked.explain_most)
        self._opened, self._model, self._asked, self._out = opened, model, asked, out
        self._version = version
        self._features = features
        # A table's features stand for themselves; its units may need the order of time.
        alone = features.kind == "table" and not carried.in_time_order
        self._in_file_order = alone or opened.in_time_order

    def write(self) -> dict[str, Any]:
        """Write the file and the explanations; return the fields of `ScoredFile` but its counts."""
        out, asked = self._out, self._asked
        targets = [out, explained_file(out)] if asked.explain_most else [out]
        with writing(targets) as drafts:
            with FrameWriter(drafts[0], out.name) as written:
                if self._is_known_at_once():
                    more = self._write_at_once(written)
                else:
                    more, explained = self._write_after_all(written)
            if asked.explain_most:
                with FrameWriter(drafts[1], targets[1].name) as second:
                    second.write(explained)
        return more | write_refused(self._opened.raw, out)

    def _is_known_at_once(self) -> bool:
        """Return whether a row's columns depend on no row behind it in the file."""
        if self._asked.max_fdr is not None or self._asked.explain_most:
            return False
        return self._in_file_order

    def _write_at_once(self, written: FrameWriter) -> dict[str, Any]:
        with step(f"score {self._opened.raw.file.name}"):
            for batch, scores in self._scored():
                self._write_one(written, batch, scores)
        return {"unusual": self.scorer.unusual.shown([])}

    def _scored(self) -> Iterator[tuple[Batch, pd.DataFrame]]:
        """Yield batches in the order of the file, and their scores."""
        featured = ((batch, self._features.of(batch.rows)) for batch in self._opened.batches())
        for batch, features in ahead(featured):
            named = identified(batch.rows, batch.raw)
            yield batch, self.scorer.score(features, batch.places, named)

    def _write_after_all(self, written: FrameWriter) -> tuple[dict[str, Any], pd.DataFrame]:
        asked, columns = self._asked, self._all_scores()
        more: dict[str, Any] = {}
        if asked.max_fdr is not None:
            more |= _cut_by_fdr(columns, self._model, asked.max_fdr)
        explained = _Explained()
        if asked.explain_most:
            explained = _explain(self._model, self.scorer.unusual.features)
            more |= {"explained": len(explained.why), "explanations": explained_file(self._out)}
        with step(f"write {self._out.name}"):
            for batch in self._opened.batches():
                scores = columns.frame(batch.places)
                if asked.explain_most:
                    why = [explained.why.get(place) for place in batch.places.tolist()]
                    scores["why"] = pd.array(why, dtype="string")
                self._write_one(written, batch, scores)
        return more | {"unusual": self.scorer.unusual.shown(explained.reasons)}, explained.figures

    def _all_scores(self) -> ScoreColumns:
        columns = ScoreColumns(self._model.alert_p_value)
        with step(f"score {self._opened.raw.file.name}"):
            if self._in_file_order:
                for batch, scores in self._scored():
                    columns.add(scores, batch.places)
            else:
                for places, rows in in_time_order(self._opened):
                    features = self._features.of(rows)
                    columns.add(self.scorer.score(features, places, identified(rows)), places)
        columns.join()
        return columns

    def _write_one(self, written: FrameWriter, batch: Batch, scores: pd.DataFrame) -> None:
        own = own_columns(batch.raw, batch.rows[list(self._opened.typed)], self._out)
        written.write(join_scores(own, scores, self._version))


@dataclass(frozen=True)
class _Explained:
    """All figures, rows named by their places; phrases per alert; and a sentence by place."""

    figures: pd.DataFrame = field(default_factory=pd.DataFrame)
    reasons: list[list[str]] = field(default_factory=list)
    why: dict[int, str] = field(default_factory=dict)


def _explain(model: Model, features: pd.DataFrame) -> _Explained:
    alerts = "1 alert" if len(features) == 1 else f"{len(features):,} alerts"
    with step(f"explain {alerts}") if len(features) else nullcontext():
        explained = model.explain(features)
        why = dict(zip(features.index.tolist(), sentences(explained), strict=True))
        # What is a number in one row and text in the next is text in a file.
        mixed = {name: explained[name].astype("string") for name in ("value", "benign_median")}
    return _Explained(explained.assign(**mixed), phrases(explained), why)


def _cut_by_fdr(columns: ScoreColumns, model: Model, max_fdr: float) -> dict[str, int]:
    """Add the column ``discovery``, and count."""
    p_values = columns.of("p_value")
    chosen = discoveries(p_values, max_fdr)
    smallest = 1 / (model.calibrated().scores.size + 1)
    columns.put("discovery", chosen)
    return {
        "discoveries": int(chosen.sum()),
        "counted_discoveries": int(discoveries(p_values, max_fdr, smallest=smallest).sum()),
    }
