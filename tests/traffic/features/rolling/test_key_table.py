"""A table of keys does what a dict does, however keys come and go."""

from __future__ import annotations

import numpy as np
import pytest

from oddwire.traffic.features.rolling.key_table import KeyTable


def table_of(**options):
    return KeyTable.empty(counts=2, sums=1, **options)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("different", [10, 3_000])
def test_keys_come_and_go_as_in_a_dict(seed, different):
    random = np.random.default_rng(seed)
    keys = random.integers(1, 2**63, different).astype(np.uint64)
    # Keys that lie next to each other, too: near ones, and such as differ in the highest bits.
    keys[: different // 2] = np.arange(1, different // 2 + 1)
    keys[different // 2 : different * 2 // 3] = np.arange(
        1, different * 2 // 3 - different // 2 + 1
    ).astype(np.uint64) << np.uint64(40)
    table, counted = table_of(), {}
    for turn in range(60):
        hashes = random.choice(keys, random.integers(0, different))
        table.room_for(len(hashes))
        entries = table.entries_of(hashes)
        np.add.at(table.counts[:, 0], entries, 1)
        for key in hashes.tolist():
            counted[key] = counted.get(key, 0) + 1
        assert table.counts[entries, 0].tolist() == [counted[key] for key in hashes.tolist()]
        # In every other stretch of turns most keys go.
        share = 0.9 if turn // 10 % 2 else 0.3
        gone = [key for key in counted if random.random() < share]
        leaving = table.entries_of(np.array(gone, dtype=np.uint64))
        table.counts[leaving, 0] = 0
        table.let_go(np.concatenate([leaving, leaving, entries, np.array([-1], dtype=np.int32)]))
        for key in gone:
            del counted[key]
        assert table.held == len(counted)
        if table.is_sparse(more=5):
            table.shrink(more=5)
    kept = np.array(list(counted), dtype=np.uint64)
    assert table.counts[table.entries_of(kept), 0].tolist() == list(counted.values())
    assert table.held == len(counted)


def test_no_key_has_no_entry():
    table = table_of(entries=4)
    assert table.entries_of(np.array([0, 7, 0, 7], dtype=np.uint64)).tolist() == [-1, 0, -1, 0]
    assert table.held == 1


def test_growing_and_shrinking_keep_what_keys_have():
    table = table_of(entries=3)
    hashes = np.arange(1, 4).astype(np.uint64)
    entries = table.entries_of(hashes)
    table.counts[entries] = [[1, 10], [2, 20], [3, 30]]
    table.sums[entries, 0] = [100, 200, 300]
    table.room_for(1_000)
    assert table.entries_of(hashes).tolist() == entries.tolist()
    table.counts[entries[1]], table.sums[entries[1]] = 0, 0
    table.let_go(entries)
    assert table.is_sparse(more=10)
    large = len(table)
    moved = table.shrink(more=10)[entries]
    assert len(table) < large / 8
    assert moved[1] == -1
    assert table.entries_of(hashes[[0, 2]]).tolist() == moved[[0, 2]].tolist()
    assert table.counts[moved[[0, 2]]].tolist() == [[1, 10], [3, 30]]
    assert table.sums[moved[[0, 2]], 0].tolist() == [100, 300]


def test_addresses_cannot_be_chosen_to_lie_in_one_place():
    """The same keys lie elsewhere in every table."""
    hashes = np.arange(1, 200).astype(np.uint64)
    first, second = table_of(entries=200), table_of(entries=200)
    assert first.entries_of(hashes).tolist() == second.entries_of(hashes).tolist()
    assert first.index.tolist() != second.index.tolist()
