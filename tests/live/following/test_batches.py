"""How often batches come."""

from __future__ import annotations

import itertools
import threading
import time

from oddwire.live.following.batches import batches
from oddwire.live.following.files import FileFollower


def test_lines_that_come_one_by_one_are_read_together(tmp_path) -> None:
    log, stopped = tmp_path / "conn.log", threading.Event()
    log.write_text("first\n")

    def write() -> None:
        with log.open("a", buffering=1) as opened:
            for number in itertools.count():
                if stopped.wait(0.002):
                    return
                opened.write(f"{number}\n")

    follower = FileFollower(["conn.log"], root=tmp_path, from_start=True)
    writer, begun, sizes = threading.Thread(target=write), time.monotonic(), []
    writer.start()
    for batch in batches(follower, stopped=stopped, every=0.1):
        if batch is not None:
            sizes.append(sum(chunk.block.lines for chunk in batch.chunks))
        if time.monotonic() - begun > 1:
            stopped.set()
    took = time.monotonic() - begun
    writer.join()
    follower.close()
    assert sum(sizes) > 50
    assert 2 <= len(sizes) <= 1 + took / 0.1
