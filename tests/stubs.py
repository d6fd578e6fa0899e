"""Doubles that tests share, for what a real server or terminal would prove nothing more of."""

from __future__ import annotations

import threading

from oddwire.operations.progress import Progress


class RecordedProgress(Progress):
    """A watcher that remembers what it was told."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.notes: list[str] = []
        self.remarks: list[str] = []
        self.ended: list[tuple[str, bool]] = []
        self.waiting = threading.Event()

    def begin(self, step: str, total: int | None = None) -> None:
        del total
        self.begun.append(step)
        if step.startswith("waiting"):
            self.waiting.set()

    def advance(self, step: str, note: str = "") -> None:
        del step
        self.notes.append(note)

    def remark(self, sentence: str) -> None:
        self.remarks.append(sentence)

    def end(self, step: str, *, failed: bool = False) -> None:
        self.ended.append((step, failed))
