"""How a training begins: alone on its source, on data and settings that stay as they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Thread

import pandas as pd

from oddwire.detection.contamination import most_anomalous_rows
from oddwire.detection.detectors import detector_spec
from oddwire.errors import ParameterError
from oddwire.operations.data.lineage import read_lineage
from oddwire.operations.data.prepared import Prepared
from oddwire.operations.locks import source_lock
from oddwire.operations.progress import step
from oddwire.operations.search.column_selection import NONE, rank_columns, split_validation
from oddwire.operations.tracking.items import Text, as_json
from oddwire.operations.tracking.outage import Outage
from oddwire.operations.tracking.store import Tracking
from oddwire.operations.training import records
from oddwire.operations.training.outages import fitted_models
from oddwire.operations.training.results import Training
from oddwire.params import Params, Source, load_params
from oddwire.project import Project
from oddwire.traffic.labels import labels_of
from oddwire.traffic.splitting.parts import LEAST_ROWS

_KINDS = ("training", "study", "trial", "supervised_baselines")


@contextmanager
def open_training(
    project: Project,
    source: str,
    *,
    trials: int,
    started_by: str,
    detectors: Sequence[str] = (),
    prepare: Callable[[Project, str, Source], None] | None = None,
) -> Iterator[Training]:
    """Wait for the source's lock, begin the run, and end it as finished or failed.

    MLflow must answer at its beginning. If it is lost later, the training goes on without it.

    Parameters
    ----------
    trials
        Finished trials that each study is to reach.
    started_by
        Name of the flow run, kept as a tag.
    detectors
        Those to search, whose libraries are imported while `prepare` works; by default those of
        the settings.
    prepare
        Brings the source's data up to date: from then on, and until the training ends, it and the
        settings stay as they are. None where that is done.
    """
    with source_lock(project, source):
        params = load_params(project.params_file)
        if prepare is not None:
            import_ahead(detectors)
            prepare(project, source, params.source(source))
        prepared = Prepared(project.prepared(source))
        outage = Outage()
        tracking = Tracking.connect(project).lenient(outage)
        tracking.end_orphans(source, mine=_KINDS)  # the lock lets no other training run
        lineage = read_lineage(project, source)
        train = training_rows(prepared, params)
        name = f"training {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S}"
        with tracking.run(source, name, kind="training", flow_run=started_by) as run:
            outage.raise_if_lost()
            training = Training(
                project.root, source, run, params, trials, lineage.data_digest, prepared, train,
                len(prepared.part("train")) - len(train), rank_features(prepared, params),
                inputs=records.dataset_inputs(lineage, prepared, source), store=tracking,
            )  # fmt: skip
            # Nobody else works here now: what is there, a killed training left behind.
            fitted_models.clear(training, fitted=False)
            tracking.log(run, records.lineage_items(lineage, params))
            if training.ranking:
                tracking.log(run, [Text("selection.json", as_json(training.ranking))])
            tracking.log(run, training.inputs)
            tracking.log(run, records.settings_items(
                params, source, trials=trials, detectors=detectors or params.search.detectors,
                target=training.target,
            ))  # fmt: skip
            try:
                yield training
            except BaseException:
                fitted_models.clear(training, fitted=False)
                raise
            fitted_models.clear(training, fitted=True)


def training_rows(prepared: Prepared, params: Params) -> pd.DataFrame:
    """Return the rows to fit to: where some may be attacks, without the most anomalous ones.

    A row that is known to be benign stays, unless the settings say to look at no label.
    """
    train = prepared.part("train")
    benign = labels_of(train) == 0
    if benign.all():
        return train
    # What is left must do for a training.
    share = min(params.training.contamination, 1 - LEAST_ROWS["train"] / len(train))
    with step("leave out the most anomalous training rows"):
        left_out = most_anomalous_rows(train, prepared.schema, share, seed=params.seed)
    if params.split.train_on == "benign":
        left_out &= ~benign
    return train[~left_out].reset_index(drop=True) if left_out.any() else train


def rank_features(prepared: Prepared, params: Params) -> tuple[str, ...]:
    """Rank the feature columns where the search is to select among them."""
    method = params.search.feature_selection
    if method == NONE:
        return ()
    with step(f"rank features by {method.replace('_', ' ')}"):
        rows, _ = split_validation(prepared.part("validation"), seed=params.seed)
        return tuple(rank_columns(rows, prepared.schema, method=method, seed=params.seed))


def import_ahead(detectors: Sequence[str]) -> None:
    """Import the detectors' libraries in the background: seconds that DVC's processes leave free.

    Whoever needs a library before it is there waits for it at its import, as always.
    """

    def every() -> None:
        for name in detectors:
            # What fails here fails again where it is needed, and is reported there.
            with suppress(ImportError, ParameterError):
                detector_spec(name).import_libraries()

    Thread(target=every, name="import-ahead", daemon=True).start()
