"""The choice between detectors where nothing measures them.

Where no attack is labelled, or too few are, every figure that could choose is a guess: agreement
between detectors, synthetic anomalies, and few labelled attacks took the worst of three more often
than one fixed answer, the ensemble, which is rarely the best and hardly ever the worst.
``docs/decisions/0031-without-labels.md`` has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence

from oddwire.evaluation.families import FEWEST_OF_A_KIND

# The rest is for where the ensemble's fit failed; the forest suffers least from attacks in it.
ORDER = (
    "ensemble", "isolation_forest", "one_class_svm", "nearest_neighbours", "kmeans", "autoencoder",
    "kmeans_autoencoder", "local_outlier_factor",
)  # fmt: skip


def preferred(names: Sequence[str]) -> str:
    """Return the detector to take where nothing measures them.

    Parameters
    ----------
    names
        Detectors, at least one.

    Examples
    --------
    >>> preferred(["isolation_forest", "ensemble"])
    'ensemble'
    """
    return min(names, key=ORDER.index)


def with_ensemble(names: Sequence[str]) -> list[str]:
    """Return the detectors to train where nothing measures them.

    Of several none could be chosen, so the ensemble is among them; one alone was chosen already.

    Examples
    --------
    >>> with_ensemble(["isolation_forest", "kmeans"])
    ['isolation_forest', 'kmeans', 'ensemble']
    >>> with_ensemble(["kmeans"])
    ['kmeans']
    """
    best = ORDER[0]
    return [*names, best] if len(names) > 1 and best not in names else list(names)


def explain_preference(winner: str, *, several: bool) -> str:
    """Say why a detector is the choice where nothing measures them, without a full stop.

    Parameters
    ----------
    several
        Whether there were others to choose from.

    Examples
    --------
    >>> explain_preference("kmeans", several=False)  # doctest: +ELLIPSIS
    'kmeans has its default hyperparameters: fewer than 10 attacks ... which are better'
    """
    rows = f"fewer than {FEWEST_OF_A_KIND} attacks or no benign rows"
    too_few = f"{rows} are labelled before the test, too few"
    if several:
        return (
            f"{winner} was chosen by a fixed order of detectors with their default "
            f"hyperparameters: {too_few} to tell which detectors or hyperparameters are better"
        )
    return f"{winner} has its default hyperparameters: {too_few} to tell which are better"
