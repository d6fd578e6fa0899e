"""Fast walks through the trees of an isolation forest: flat arrays, a block of rows at a time.

All rows of a block take one step down a tree together, without a branch, so that the processor
works on many of them at once. Path lengths are added up tree by tree for each row, so that neither
blocks nor threads change a bit of them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from joblib import cpu_count

from oddwire.compiling import compiled
from oddwire.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.ensemble import IsolationForest

    from oddwire.detection.arrays import Matrix, Places, Vector

    Singles = NDArray[np.float32]

_ROWS_PER_TASK = 4096  # many, so that threads end together, but few that wait for each other
_FEW_ROWS = 256  # quicker done than threads are called
_WALK_TYPES = (
    "void(float32[:,::1], uint32[::1], float32[::1], float32[::1], float32[::1],"
    " uint32[::1], float64[::1], int64[::1], int64[::1], float64[::1])"
)
_WIDEN_TYPES = (
    "void(float32[:,::1], int64[:], int64[:], int64[:], float64[:], float32[::1], float32[::1])"
)


class FlatForest(NamedTuple):
    """The trees one after the other, a place per node; then a leaf per depth for isolated rows.

    A node of depth d sends a row outside of its range to the leaf for depth d + 1. Leaves lead to
    themselves and take any value.

    Parameters
    ----------
    features
        uint32: the matrix's column that a node cuts.
    lows, highs
        float32: the range of the training rows in a node, in its column.
    cuts
        float32: up to here a row goes left, as scikit-learn compares.
    children
        uint32: the left child, counted from the tree's first place; the right one is next to it.
    lengths
        float64: path length of a row that ends here.
    starts
        int64 of shape (trees + 1,): where each tree's places begin.
    depths
        int64 of shape (trees,): steps to the deepest leaf.
    """

    features: NDArray[np.uint32]
    lows: Singles
    cuts: Singles
    highs: Singles
    children: NDArray[np.uint32]
    lengths: Vector
    starts: Places
    depths: Places

    @classmethod
    def of(cls, forest: IsolationForest, lows: Singles, highs: Singles) -> FlatForest:
        """Flatten a fitted forest.

        Parameters
        ----------
        lows, highs
            float32, a value per node of all trees: from `node_ranges`.

        Raises
        ------
        ModelError
            If the ranges are not those of this forest, or a tree cuts columns that are not there.
        """
        ends = np.cumsum([0, *(member.tree_.node_count for member in forest.estimators_)])
        if not ends[-1] == len(lows) == len(highs):
            raise ModelError(f"the forest has {ends[-1]} nodes, but {len(lows)} ranges")
        trees = []
        for number, member in enumerate(forest.estimators_):
            columns = np.asarray(forest.estimators_features_[number], dtype=np.int64)
            if not ((columns >= 0) & (columns < forest.n_features_in_)).all():
                raise ModelError("the forest holds a tree that cuts columns outside of the matrix")
            nodes = slice(ends[number], ends[number + 1])
            trees.append(_lay_out(member.tree_, columns, lows[nodes], highs[nodes]))
        *by_node, depths = zip(*trees, strict=True)
        features, lows, cuts, highs, children, lengths = map(np.concatenate, by_node)
        starts = np.cumsum([0, *map(len, by_node[0])], dtype=np.int64)
        deepest = np.array(depths, dtype=np.int64)
        return cls(features, lows, cuts, highs, children, lengths, starts, deepest)

    def path_lengths(self, matrix: Matrix) -> Vector:
        """Add up each row's path lengths over the trees.

        Parameters
        ----------
        matrix
            float64 of shape (rows, columns), C order, of the columns that the forest was fitted to.

        Returns
        -------
        ndarray of float64 of shape (rows,)
        """
        sums = np.zeros(len(matrix))
        threads = cpu_count()
        rows = max(1, min(_ROWS_PER_TASK, -(-len(matrix) // threads)))
        parts = [slice(start, start + rows) for start in range(0, len(matrix), rows)]
        if threads == 1 or len(matrix) < _FEW_ROWS:
            for part in parts:
                self._walk_part(matrix[part], sums[part])
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(lambda part: self._walk_part(matrix[part], sums[part]), parts))
        return sums

    def _walk_part(self, matrix: Matrix, sums: Vector) -> None:
        with np.errstate(over="ignore"):  # beyond float32's range is infinite to scikit-learn too
            single = matrix.astype(np.float32)  # a copy that may be written to, as the loop wants
        compiled(_walk, _WALK_TYPES)(single, *self, sums)


def node_ranges(forest: IsolationForest, matrix: Singles) -> tuple[Singles, Singles]:
    """Find the range that each node's own training rows span in the column that it cuts.

    Parameters
    ----------
    forest
        Just fitted to `matrix`.
    matrix
        float32 of shape (rows, columns).

    Returns
    -------
    lows, highs
        float32, a value per node of all trees; minus and plus infinity at leaves.
    """
    pairs = []
    widen = compiled(_widen, _WIDEN_TYPES)
    members = zip(
        forest.estimators_, forest.estimators_samples_, forest.estimators_features_, strict=True
    )
    for member, samples, columns in members:
        tree = member.tree_
        low = np.where(tree.children_left < 0, -np.inf, np.inf).astype(np.float32)
        high = -low
        rows = np.ascontiguousarray(matrix[samples][:, columns])
        widen(
            rows, tree.children_left, tree.children_right, tree.feature, tree.threshold, low, high
        )
        pairs.append((low, high))
    lows, highs = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return lows, highs


def average_path_length(rows: NDArray[Any]) -> Vector:
    """Return the mean path length of an unsuccessful search among so many rows.

    Liu, Ting & Zhou 2008, *Isolation Forest*, formula 1, with scikit-learn's value for two rows.
    """
    counts = np.asarray(rows, dtype=np.float64)
    many = np.maximum(counts, 3.0)
    lengths = 2.0 * (np.log(many - 1.0) + np.euler_gamma) - 2.0 * (many - 1.0) / many
    return np.select([counts < 2, counts < 3], [0.0, 1.0], lengths)  # noqa: PLR2004


def _lay_out(tree: Any, columns: Places, lows: Singles, highs: Singles) -> tuple[Any, ...]:
    deepest = tree.max_depth
    leaf = tree.children_left < 0
    # Siblings side by side, so that one number leads to both: node old[i] takes place i.
    old = np.zeros(tree.node_count, dtype=np.int64)
    old[1::2], old[2::2] = tree.children_left[~leaf], tree.children_right[~leaf]
    children = np.arange(tree.node_count + deepest, dtype=np.uint32)
    first_child = np.arange(tree.node_count)
    first_child[~leaf] = np.arange(1, tree.node_count, 2)
    children[: tree.node_count] = np.where(leaf[old], children[: tree.node_count], first_child[old])
    # The largest float32 up to the cut: float32 values compare with both alike.
    cuts = tree.threshold.astype(np.float32)
    above = cuts > tree.threshold
    cuts[above] = np.nextafter(cuts[above], np.float32(-np.inf))
    cuts[leaf] = np.inf
    endless = np.full(deepest, np.inf, dtype=np.float32)
    features = columns[np.where(leaf, 0, tree.feature)][old]
    lengths = tree.compute_node_depths() - 1.0 + average_path_length(tree.n_node_samples)
    return (
        np.append(features, np.zeros(deepest)).astype(np.uint32),
        np.append(lows[old], -endless),
        np.append(cuts[old], endless),
        np.append(highs[old], endless),
        children,
        np.append(lengths[old], np.arange(1.0, deepest + 1.0)),
        deepest,
    )


def _walk(matrix, features, lows, cuts, highs, children, lengths, starts, depths, sums):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    # Numbers without a sign spare the check for places counted from the end.
    block = 128
    columns = np.empty(matrix.shape[1] * block, dtype=np.float32)
    at = np.empty(block, dtype=np.uint32)
    for begin in range(0, len(matrix), block):
        rows = np.uint64(min(block, len(matrix) - begin))
        for row in range(rows):
            for column in range(matrix.shape[1]):
                columns[column * block + row] = matrix[begin + row, column]
        part = sums[begin : begin + rows]
        for tree in range(len(depths)):
            first, last = starts[tree], starts[tree + 1]
            feature, low, cut = features[first:last], lows[first:last], cuts[first:last]
            high, child, length = highs[first:last], children[first:last], lengths[first:last]
            for row in range(rows):
                at[row] = 0
            for depth in range(depths[tree]):
                cut_off = np.uint32(last - first - depths[tree] + depth)
                for row in range(rows):
                    node = at[row]
                    value = columns[np.uint64(feature[node]) * np.uint64(block) + row]
                    down = child[node] + np.uint32(value > cut[node])
                    at[row] = cut_off if (value < low[node]) | (value > high[node]) else down
            for row in range(rows):
                part[row] += length[at[row]]


def _widen(matrix, left, right, feature, threshold, low, high):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for row in range(len(matrix)):
        node = 0
        while left[node] >= 0:
            value = matrix[row, feature[node]]
            low[node] = min(low[node], value)
            high[node] = max(high[node], value)
            node = left[node] if value <= threshold[node] else right[node]
