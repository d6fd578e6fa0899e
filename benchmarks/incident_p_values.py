"""What ways of combining the p-values of an incident's units promise, and what they keep.

Benign hosts whose units depend on each other, as a backup that is odd for an hour makes them: a
Gaussian process of the first order for each host, its p-values exact. Incidents are runs of units
with p-values of at most 2.7 %. Printed is the number of benign incidents at or below a level,
divided by the level times the number of units: 1 is what a unit p-value promises, and more is too
many false incidents. Decision 0033 has the table.

    python benchmarks/incident_p_values.py
"""

from __future__ import annotations

import numpy as np
from scipy import signal, stats

HOSTS, UNITS, ALERTING = 1000, 2000, 0.027
LEVELS = (1e-2, 1e-3, 1e-4)


def p_values(dependence: float, random: np.random.Generator) -> np.ndarray:
    """Return uniform p-values of shape (hosts, units), neighbours of a host dependent."""
    noise = random.standard_normal((HOSTS, UNITS)) * np.sqrt(1 - dependence**2)
    noise[:, 0] = random.standard_normal(HOSTS)
    return stats.norm.sf(signal.lfilter([1], [1, -dependence], noise, axis=1))


def runs(p: np.ndarray) -> list[np.ndarray]:
    """Return the p-values of each run of alerting units."""
    padded = np.pad(p, ((0, 0), (0, 1)), constant_values=1.0).ravel()
    alerting = np.flatnonzero(padded <= ALERTING)
    return np.split(padded[alerting], np.flatnonzero(np.diff(alerting) > 1) + 1)


def combined(p: np.ndarray) -> dict[str, float]:
    """Return what each way makes of the p-values of one incident."""
    k = len(p)
    harmonic = k / np.sum(1 / p)
    bound = np.e * np.log(k) if k > 2 else k  # Vovk & Wang 2020: valid whatever the dependence
    return {
        "smallest": p.min(),
        "Bonferroni": min(1.0, k * p.min()),
        "harmonic mean": harmonic,
        "harmonic mean, valid": min(1.0, bound * harmonic),
        "Cauchy": stats.cauchy.sf(np.mean(np.tan((0.5 - p) * np.pi))),
        "Fisher": stats.chi2.sf(-2 * np.log(p).sum(), 2 * k),
    }


def main() -> None:
    """Print the table."""
    for dependence in (0.0, 0.9, 0.99):
        incidents = runs(p_values(dependence, np.random.default_rng(0)))
        found = [combined(incident) for incident in incidents]
        lengths = np.array([len(incident) for incident in incidents])
        print(f"dependence {dependence}: {len(incidents):,} incidents, {lengths.mean():.1f} units")
        for way in found[0]:
            values = np.array([each[way] for each in found])
            kept = [np.count_nonzero(values <= t) / (t * HOSTS * UNITS) for t in LEVELS]
            print(f"  {way:22}", *(f"{ratio:7.2f}" for ratio in kept))


if __name__ == "__main__":
    main()
