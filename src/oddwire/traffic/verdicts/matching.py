"""Which rows of an archive people judged, and those rows with their verdicts as labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.traffic.schema import ATTACK, CAMPAIGN, END, LABEL, TIME, microseconds_of
from oddwire.traffic.verdicts.table import JudgedConnection, Verdict, VerdictTable
from oddwire.traffic.wire_text import short_name

_TEXTS = ("uid", "src_ip", "dst_ip", "proto")
_PORTS = ("src_port", "dst_port")
# What a row is known by, and the label that its log gave it.
JUDGED_BY = (TIME, END, *_TEXTS, *_PORTS, LABEL)
_UNTIMED = np.iinfo(np.int64).min  # what NumPy makes of no time


@dataclass(frozen=True, eq=False)
class JudgedRows:
    """Rows that people judged.

    Parameters
    ----------
    places
        Where they are among all rows, ascending, shape (n,).
    labels
        0 or 1, shape (n,).
    families
        Of the attacks, None where not said, n of them.
    overruled
        Rows that their log labels otherwise.
    not_found
        Verdicts on connections of which there is no row.
    alone
        Whether the source's own rows have no label at all, so that all labels are people's.
    """

    places: NDArray[np.int64]
    labels: NDArray[np.int8]
    families: Sequence[str | None] = ()
    overruled: int = 0
    not_found: int = 0
    alone: bool = False

    @classmethod
    def none(cls) -> Self:
        """Return that nothing was judged."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int8))

    @classmethod
    def find(cls, batches: Iterable[pd.DataFrame], table: VerdictTable) -> Self:
        """Find the rows that verdicts are about.

        Parameters
        ----------
        batches
            All rows in their order, with the columns `JUDGED_BY` as far as they are there.
        table
            The verdicts.
        """
        if not len(table):
            return cls.none()
        starts = np.array(sorted({verdict.connection.start for verdict in table}))
        found: list[tuple[int, Verdict]] = []
        labelled, overruled, first = False, 0, 0
        for batch in batches:
            labels = _labels(batch)
            labelled |= bool((~np.isnan(labels)).any())
            for at, verdict in _judged(batch, starts, table):
                overruled += labels[at] == 1 - verdict.label
                found.append((first + at, verdict))
            first += len(batch)
        keys = {verdict.connection.key for _, verdict in found}
        return cls(
            np.array([place for place, _ in found], dtype=np.int64),
            np.array([verdict.label for _, verdict in found], dtype=np.int8),
            tuple(verdict.family for _, verdict in found),
            overruled=int(overruled),
            not_found=len(table) - len(keys),
            alone=not labelled,
        )

    def __len__(self) -> int:
        return len(self.places)

    def unsaid(self, rows: NDArray[np.bool_]) -> Self:
        """Return them without what was judged benign among some rows.

        Parameters
        ----------
        rows
            Which of all rows, shape (rows,).
        """
        kept = (self.labels == 1) | ~rows[self.places]
        families = [family for family, keeps in zip(self.families, kept, strict=True) if keeps]
        return replace(
            self, places=self.places[kept], labels=self.labels[kept], families=tuple(families)
        )

    def on(self, frame: pd.DataFrame, first: int = 0) -> pd.DataFrame:
        """Return rows with the verdicts as their labels.

        Parameters
        ----------
        frame
            Rows that follow each other.
        first
            The place of the first one among all rows.
        """
        begin, end = np.searchsorted(self.places, [first, first + len(frame)])
        if begin == end:
            return frame
        frame = frame.copy(deep=False)
        at, labels = self.places[begin:end] - first, self.labels[begin:end]
        _set(frame, LABEL, at, labels)
        for name in (ATTACK, CAMPAIGN):
            if name in frame:
                _set(frame, name, at[labels == 0], None)
        named = [k for k in range(begin, end) if self.labels[k] and self.families[k] is not None]
        if ATTACK in frame and named:
            _set(frame, ATTACK, self.places[named] - first, [self.families[k] for k in named])
        return frame

    @property
    def sentence(self) -> str:
        """How many rows have their label from people, and which verdicts are about none."""
        return verdicts_sentence(self.summary())

    def summary(self) -> dict[str, Any]:
        """Return plain numbers, for JSON."""
        return {
            "rows": len(self), "benign": int((self.labels == 0).sum()),
            "attacks": int((self.labels == 1).sum()), "overruled": self.overruled,
            "not_found": self.not_found, "alone": self.alone,
        }  # fmt: skip


def verdicts_sentence(summary: Mapping[str, Any]) -> str:
    """Say what `JudgedRows.summary` counted; empty where nothing was judged."""
    rows, lost = summary.get("rows", 0), summary.get("not_found", 0)
    if not rows and not lost:
        return ""
    sentence = (
        f"{_counted(rows, 'row has its label', 'rows have their label')} from people:"
        f" {summary['benign']:,} benign, {_counted(summary['attacks'], 'attack', 'attacks')}"
    )
    if summary["overruled"]:
        sentence += f"; {summary['overruled']:,} of them otherwise than the log says"
    if summary["alone"] and summary["benign"]:
        sentence += "; those judged benign are alerts, so that no false alarms are counted by them"
    if lost:
        sentence += f"; {_counted(lost, 'verdict is', 'verdicts are')} about no row of the period"
    return sentence


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _set(frame: pd.DataFrame, name: str, at: NDArray[np.int64], values: Any) -> None:
    column = frame[name].copy()  # the frame shares it with the one that it was made of
    column.iloc[at] = values
    frame[name] = column


def _judged(
    batch: pd.DataFrame, starts: NDArray[np.int64], table: VerdictTable
) -> Iterator[tuple[int, Verdict]]:
    """Yield the rows of a batch that a verdict is about, by their places in it."""
    begun = microseconds_of(batch[TIME])
    ended = microseconds_of(batch[END]) if END in batch else np.full(len(batch), _UNTIMED)
    for at in np.flatnonzero(np.isin(begun, starts)).tolist():
        one = _connection(batch.iloc[at], int(begun[at]), int(ended[at]))
        verdict = table.by_key.get(one.key)
        if verdict is not None:
            yield at, verdict


def _connection(row: pd.Series[Any], start: int, end: int) -> JudgedConnection:
    uid, src_ip, dst_ip, proto = (_text(row.get(name)) for name in _TEXTS)
    src_port, dst_port = (_port(row.get(name)) for name in _PORTS)
    return JudgedConnection(
        start, None if end == _UNTIMED else end, uid, src_ip, src_port, dst_ip, dst_port, proto
    )


def _text(value: Any) -> str | None:
    return None if pd.isna(value) else short_name(str(value))


def _port(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _labels(batch: pd.DataFrame) -> NDArray[np.float64]:
    if LABEL not in batch:
        return np.full(len(batch), np.nan)
    return batch[LABEL].to_numpy(dtype=np.float64, na_value=np.nan)
