"""NSL-KDD as people type it: `oddwire train nsl-kdd`, once per seed, and the mean of the figures.

    ODDWIRE_SHARED_DATA=... python benchmarks/nsl_kdd.py --seeds 1 2 3 --trials 20

Trained on the benign rows of ``KDDTrain+_20Percent.txt``, searched on a part of that file alone,
evaluated once per seed on ``KDDTest+.txt``. A seed changes the split, the search and the fits. F1
is at a threshold from benign rows alone, for the target FPR of ``--target-fpr``. Appends a line to
``benchmarks/results/nsl_kdd.jsonl`` (``--out``), with ``--form`` saying what was measured.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import yaml
from orchestration import REPOSITORY, make_project
from tasks import DOWNLOADS, NSL_FILES, shared_data

RESULTS = REPOSITORY / "benchmarks" / "results" / "nsl_kdd.jsonl"
FIGURES = ["roc_auc", "average_precision", "f1", "recall", "false_positive_rate"]
DETECTORS = "isolation_forest,one_class_svm,autoencoder,ensemble"


def train(folder: Path, seed: int, trials: int, detectors: str, target_fpr: float) -> pd.DataFrame:
    """Train in a project of its own, and return the leaderboard."""
    root = make_project(folder)
    params = yaml.safe_load((root / "params.yaml").read_text())
    params |= {"seed": seed, "alerts": {"target": {"share_of_rows": target_fpr}}}
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    files = root / "data" / "downloads" / "nsl-kdd"
    files.mkdir(parents=True)
    for file in NSL_FILES:
        found = [place / file for place in (shared_data(), DOWNLOADS) if (place / file).is_file()]
        if not found:
            raise SystemExit(f"{file} is missing: name its folder with ODDWIRE_SHARED_DATA")
        shutil.copy(found[0], files)
    command = [sys.executable, "-m", "oddwire.cli", "train", "nsl-kdd", "--json"]
    command += ["--trials", str(trials), "--detectors", detectors]
    ended = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True)
    return pd.DataFrame(json.loads(ended.stdout)["leaderboard"])


def show(title: str, board: pd.DataFrame) -> None:
    """Print all figures of a leaderboard, however narrow the terminal."""
    print(title, board[FIGURES].round(4).to_string(), sep="\n", flush=True)


def main() -> None:
    """Train once per seed, print every leaderboard and the mean, and keep the figures."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options.add_argument("--trials", type=int, default=20)
    options.add_argument("--detectors", default=DETECTORS)
    options.add_argument("--target-fpr", type=float, default=0.05)
    options.add_argument("--form", default="", help="what is new in the code that is measured")
    options.add_argument("--out", type=Path, default=RESULTS)
    chosen = options.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["PREFECT_HOME"] = f"{scratch}/prefect"
        for seed in chosen.seeds:
            folder = Path(scratch) / str(seed)
            board = train(folder, seed, chosen.trials, chosen.detectors, chosen.target_fpr)
            show(f"seed {seed}", board.set_index("detector"))
            found.append(board.assign(seed=seed))
    boards = pd.concat(found)
    show("mean", boards.groupby("detector")[FIGURES].mean())
    kept = boards[["seed", "detector", *FIGURES]].round(4).to_dict("records")
    line = {
        "form": chosen.form, "trials": chosen.trials, "target_fpr": chosen.target_fpr, "rows": kept,
    }  # fmt: skip
    chosen.out.parent.mkdir(exist_ok=True)
    with chosen.out.open("a") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
