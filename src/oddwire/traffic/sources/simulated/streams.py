"""Chance: one independent stream per component, and fair ways to share rows out.

Because every component draws from a stream of its own, named by a string, switching attacks or a
drift scenario on leaves all other rows as they were.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the generator of one component, the same for the same seed and name."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(name.encode())))


def allot(total: int, weights: Sequence[float] | Floats, *, at_least: int = 0) -> Ints:
    """Share `total` rows out by weight so that the parts add up (largest remainders).

    Parameters
    ----------
    weights
        Positive weights, shape (k,).
    at_least
        The smallest part, kept as far as `total` reaches.

    Returns
    -------
    int64 array of shape (k,) whose sum is `total`.
    """
    shares = np.asarray(weights, dtype=np.float64)
    floor = min(at_least, total // len(shares))
    exact = shares / shares.sum() * (total - floor * len(shares))
    parts = np.floor(exact).astype(np.int64)
    rest = total - floor * len(shares) - int(parts.sum())
    parts[np.argsort(parts - exact, kind="stable")[:rest]] += 1
    return np.asarray(parts + floor, dtype=np.int64)


def draw(rng: np.random.Generator, weights: Sequence[float] | Floats, count: int) -> Ints:
    """Draw `count` indices with probability proportional to `weights`."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    picked = np.searchsorted(edges, rng.random(count) * edges[-1], side="right")
    return np.asarray(np.minimum(picked, len(edges) - 1), dtype=np.int64)


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Return True with this probability."""
    return bool(rng.random() < probability)


def chances(rng: np.random.Generator, probability: float, count: int) -> Flags:
    """Return `count` flags, each True with this probability."""
    return np.asarray(rng.random(count) < probability, dtype=np.bool_)


def sessions(rng: np.random.Generator, count: int, mean_length: float) -> Ints:
    """Cut `count` rows into sessions of geometric length.

    Returns
    -------
    int64 array of shape (count,): the number of each row's session, ascending from 0.
    """
    ends = np.cumsum(rng.geometric(1.0 / mean_length, size=count))
    return np.asarray(np.searchsorted(ends, np.arange(count), side="right"), dtype=np.int64)
