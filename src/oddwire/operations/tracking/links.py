"""Where MLflow's page shows a run, a source's runs, runs side by side, or a registered version.

Without ``workflowType``, MLflow 3 opens as a page about language models, and shows no run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from urllib.parse import quote, urlencode

from oddwire.masking import parses
from oddwire.operations.tracking.addresses import bare

PAGE_VARIABLE = "ODDWIRE_MLFLOW_PAGE"  # where people open MLflow, if not at its usual address
LOCAL_PAGE = "http://127.0.0.1:5000"
_VIEW = {"workflowType": "machine_learning"}
_FILTERS = {
    "trainings": 'tags.kind = "training"',
    "promoted": 'tags.promotion = "promoted"',
    "studies": 'tags.kind = "study"',
    "trials": 'tags.kind = "trial"',
    "drift checks": 'tags.kind = "drift"',
    "drift found": 'tags.drifted = "yes"',
}


def page(uri: str) -> str:
    """Return the address of the page that shows a store.

    That is what ``ODDWIRE_MLFLOW_PAGE`` says; otherwise a server's own address; both without user
    and password; otherwise, for a database, the local page of `oddwire up`.
    """
    for address in (os.environ.get(PAGE_VARIABLE, ""), uri):
        if address.startswith(("http://", "https://")) and parses(address):
            return bare(address).rstrip("/")
    return LOCAL_PAGE


def runs_link(base: str, experiment: str, where: str = "") -> str:
    """Return where an experiment's runs are shown, all of them or those of a filter.

    Parameters
    ----------
    base
        Address of the page; empty for a link within it.
    where
        As people type it above the table, such as ``tags.kind = "training"``.
    """
    return _link(base, f"experiments/{experiment}/runs", {"searchFilter": where} if where else {})


def run_link(base: str, experiment: str, run: str) -> str:
    """Return where a run is shown."""
    return _link(base, f"experiments/{experiment}/runs/{run}")


def compare_link(base: str, experiments: Sequence[str], runs: Sequence[str]) -> str:
    """Return where runs of some experiments are shown side by side."""
    chosen = {"runs": json.dumps([*runs]), "experiments": json.dumps([*experiments])}
    return _link(base, "compare-runs", chosen)


def _link(base: str, place: str, chosen: dict[str, str] | None = None) -> str:
    # The page that compares runs finds them only where they are named first.
    query = urlencode({**(chosen or {}), **_VIEW}, quote_via=quote)
    return f"{base}/#/{place}?{query}" if base else f"#/{place}?{query}"


def experiment_note(source: str, experiment: str) -> str:
    """Return the description of a source's experiment: its runs, filtered by what they are."""
    # The page shows the first line, and the rest when it is unfolded.
    shown = " · ".join(
        f"[{what}]({runs_link('', experiment, where)})" for what, where in _FILTERS.items()
    )
    typed = [f"- {what}: `{where}`" for what, where in _FILTERS.items()]
    return "\n".join([
        f"Show only: {shown}", "",
        f"Trainings on the source {source}, with a study per detector below each; drift checks.",
        "", "The same filters, to type above the table:", "", *typed,
    ])  # fmt: skip
