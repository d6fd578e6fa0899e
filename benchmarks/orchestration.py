"""What Prefect, DVC and MLflow cost: the same training with and without them, in one run.

Plain: the functions of the stages, the searches side by side in threads, fits, evaluation, figures
and reports, called one after the other and kept in plain folders. Orchestrated: the command that
people type. Both begin with no data, on a project of their own, with the same seed.

    python benchmarks/orchestration.py --trials 20

The server of Prefect is running already (as with `make up`) unless ``--cold`` is given.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from oddwire.operations.tracking.items import Figure, Item, Table, Text

REPOSITORY = Path(__file__).resolve().parents[1]
RESULTS = REPOSITORY / "benchmarks" / "results" / "orchestration.jsonl"
FILES = ("params.yaml", "dvc.yaml", ".dvcignore", ".dvc/config", ".dvc/.gitignore")


def make_project(folder: Path) -> Path:
    """Copy what a project needs, in a git repository of its own."""
    (folder / ".dvc").mkdir(parents=True)
    for file in FILES:
        shutil.copy(REPOSITORY / file, folder / file)
    shutil.copytree(REPOSITORY / "src", folder / "src")
    (folder / ".gitignore").write_text("/data/\n/mlruns/\n/reports/\n__pycache__/\n")
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "a project"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    return folder


def plain(root: Path, source: str, trials: int) -> None:
    """Run the steps of a training as plain functions."""
    from oddwire.operations.data.prepared import Prepared
    from oddwire.operations.search.objective import make_objective
    from oddwire.operations.search.plans import StudyPlan, StudyResult
    from oddwire.operations.search.records import study_items
    from oddwire.operations.search.studies import run_study
    from oddwire.operations.training import records
    from oddwire.operations.training.evaluating import choose_best, evaluate_model
    from oddwire.operations.training.fitting import fit_model, validate
    from oddwire.operations.training.opening import training_rows
    from oddwire.operations.training.results import EvaluatedDetector, Searched, Training
    from oddwire.params import load_params
    from oddwire.project import Project
    from oddwire.stages import explore, ingest, link, prepare
    from oddwire.stages.settings import write_settings

    project = Project(root)
    params = load_params(project.params_file)
    write_settings(project)
    for stage in (link.link, ingest.ingest, prepare.prepare, explore.explore):
        stage(project, source)
    prepared = Prepared(project.prepared(source))
    schema, train = prepared.schema, training_rows(prepared, params)
    objective = make_objective(prepared.part("validation"), schema)

    def search(detector: str) -> StudyResult:
        plan = StudyPlan(source, detector, trials, params.search.timeout, params.seed, "plain")
        return run_study(plan, train, objective, schema, folder=project.studies)

    with ThreadPoolExecutor(4) as pool:
        studies = list(pool.map(search, params.search.detectors))
    training = Training(root, source, "plain", params, trials, "plain", prepared, train)
    evaluated = []
    for study in studies:
        kept, folder = root / "kept" / study.detector, root / "models" / study.detector
        keep(study_items(study), kept)
        model, seconds = fit_model(training, study.detector, study.parameters)
        digest = model.save(folder)
        report = evaluate_model(training, model, folder, fit_seconds=seconds)
        validation = validate(training, model)
        keep(records.detector_items(report, validation), kept)
        searched = Searched(study, "plain")
        evaluated.append(EvaluatedDetector(searched, folder, digest, report, validation))
    best = choose_best(evaluated)
    reports = [each.report for each in evaluated]
    keep(records.training_items(reports, best.report, best.validation), root / "kept")


def keep(items: Iterable[Item], folder: Path) -> None:
    """Write figures, texts and tables to a folder; metrics and tags are not worth a file."""
    for item in items:
        match item:
            case Figure(file, draw):
                draw().savefig(place(folder / file))
            case Text(file, text):
                place(folder / file).write_text(text)
            case Table(file, frame):
                frame.to_json(place(folder / file), orient="split")


def place(file: Path) -> Path:
    """Make a file's folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def timed(command: list[str], root: Path) -> float:
    """Return the seconds of a command in a project."""
    begun = time.perf_counter()
    subprocess.run(command, cwd=root, check=True)
    return time.perf_counter() - begun


def main() -> None:
    """Measure both, print the ratio, and append a line to ``benchmarks/results``."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--source", default="simulated")
    options.add_argument("--trials", type=int, default=20)
    options.add_argument("--cold", action="store_true", help="no Prefect server is running")
    options.add_argument("--out", type=Path, default=RESULTS)
    options.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.plain:
        plain(chosen.plain, chosen.source, chosen.trials)
        return
    line = compare(chosen.source, chosen.trials, cold=chosen.cold)
    chosen.out.parent.mkdir(exist_ok=True)
    with chosen.out.open("a") as file:
        file.write(json.dumps(line) + "\n")
    print(json.dumps(line, indent=2))


def compare(source: str, trials: int, *, cold: bool) -> dict[str, object]:
    """Time the plain steps and the command, each in a process and a project of its own."""
    from oddwire.cli.environment import quiet_tools
    from oddwire.cli.servers.processes import prefect_api
    from oddwire.project import Project

    quiet_tools(terminal=True)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["PREFECT_HOME"] = f"{scratch}/prefect"
        one = make_project(Path(scratch) / "plain")
        two = make_project(Path(scratch) / "orchestrated")
        files = REPOSITORY / "data" / "downloads"
        if files.is_dir():
            for root in (one, two):
                shutil.copytree(files, root / "data" / "downloads")
        this = [sys.executable, __file__, "--source", source, "--trials", str(trials)]
        seconds = {"plain": timed([*this, "--plain", str(one)], one)}
        with nullcontext() if cold else prefect_api(Project(two)):
            command = [sys.executable, "-m", "oddwire.cli", "train", source]
            seconds["orchestrated"] = timed([*command, "--trials", str(trials)], two)
    ratio = seconds["orchestrated"] / seconds["plain"]
    return {
        "source": source, "trials": trials, "prefect_server": "cold" if cold else "running",
        **{name: round(value, 1) for name, value in seconds.items()}, "ratio": round(ratio, 3),
    }  # fmt: skip


if __name__ == "__main__":
    main()
