"""Two processes that score into one file at once: it is one of them whole."""

from __future__ import annotations

import multiprocessing

import numpy as np
import pandas as pd
import pytest

from oddwire.operations.scoring.scored_files import FrameWriter, explained_file, writing

SPAWN = multiprocessing.get_context("spawn")
ROWS, ROUNDS = 40_000, 3


def write(out, word, barrier):
    rows = np.random.default_rng(0).random(ROWS)
    files = {
        explained_file(out): pd.DataFrame({"row": range(200), "by": word}),
        out: pd.DataFrame({"bytes": rows, "by": word}),
    }
    for _ in range(ROUNDS):
        barrier.wait(60)
        with writing(list(files)) as drafts:
            for (target, frame), draft in zip(files.items(), drafts, strict=True):
                with FrameWriter(draft, target.name) as written:
                    written.write(frame)


@pytest.mark.parametrize("name", ["scored.csv", "scored.parquet"])
def test_two_that_write_one_file_leave_one_of_them_whole(tmp_path, name):
    out, barrier = tmp_path / name, SPAWN.Barrier(2)
    running = [SPAWN.Process(target=write, args=(out, word, barrier)) for word in ("one", "other")]
    for process in running:
        process.start()
    for process in running:
        process.join(100)
        assert process.exitcode == 0
    read = pd.read_parquet if name.endswith(".parquet") else pd.read_csv
    scored, explained = read(out), read(explained_file(out))
    assert len(scored) == ROWS
    assert len({*scored["by"], *explained["by"]}) == 1, "rows of both"
    assert len(list(tmp_path.iterdir())) == 2
