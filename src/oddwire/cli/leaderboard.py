"""``oddwire leaderboard``: the detectors of the newest training side by side."""

from __future__ import annotations

from oddwire.cli.environment import quiet_tools
from oddwire.cli.options import AsJson, Source
from oddwire.params import load_params
from oddwire.project import Project

EPILOG = """
**Examples**

`oddwire leaderboard nsl-kdd`

`oddwire leaderboard nsl-kdd --json > leaderboard.json`
"""


def leaderboard(source: Source, as_json: AsJson = False) -> None:
    """Show the newest training on a source, one row per detector.

    The winner is the one that the training chose; the champion is the model in use, which may be of
    another training.
    """
    quiet_tools(terminal=True)
    project = Project.find()
    load_params(project.params_file).source(source)
    from oddwire.cli.terminal.progress_bars import shown_step

    with shown_step("read the newest training", quiet=as_json):
        from oddwire.cli.terminal.leaderboard_table import print_choice, print_leaderboard
        from oddwire.cli.terminal.printing import print_json, printer
        from oddwire.operations.comparison.leaderboard import marked
        from oddwire.operations.comparison.training_history import (
            BEST,
            CHOICE,
            LEADERBOARD_COLUMNS,
            LEADERBOARD_FILE,
        )
        from oddwire.operations.registry.versions import Registry
        from oddwire.operations.tracking.store import Tracking

        tracking = Tracking.connect(project)
        run = tracking.newest_training(source)
        champion = Registry.of(tracking, project).version(source)
        tags, run_id = run.data.tags, run.info.run_id
        rows = marked(
            tracking.read_json(run_id, LEADERBOARD_FILE),
            winner=tags.get(BEST, ""),
            champion=None if champion is None else champion.number,
        )
    if as_json:
        print_json([{**{key: row.get(key) for key in LEADERBOARD_COLUMNS}, **row} for row in rows])
        return
    print_leaderboard(rows, title=f"{source}: {run.info.run_name}")
    print_choice(tags.get(CHOICE, ""), rows, champion)
    printer().print(f"MLflow run {tracking.run_link(run_id)}", soft_wrap=True)
