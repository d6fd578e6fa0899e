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
    """Show the newest training on a source, one row per detector."""
    quiet_tools(terminal=True)
    project = Project.find()
    load_params(project.params_file).source(source)
    from oddwire.cli.terminal.leaderboard_table import print_leaderboard
    from oddwire.cli.terminal.printing import print_json
    from oddwire.operations.comparison.training_history import LEADERBOARD_COLUMNS, LEADERBOARD_FILE
    from oddwire.operations.tracking.store import Tracking

    tracking = Tracking.connect(project)
    run = tracking.newest_training(source).info
    rows = tracking.read_json(run.run_id, LEADERBOARD_FILE)
    if as_json:
        print_json([{**{key: row.get(key) for key in LEADERBOARD_COLUMNS}, **row} for row in rows])
    else:
        print_leaderboard(rows, title=f"{source}: {run.run_name}")
