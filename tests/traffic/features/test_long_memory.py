"""The long memory goes on from row to row, is bounded, and calls nothing new too early."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.params import SimulatedSource
from oddwire.traffic.features.clock import ENOUGH, Clock
from oddwire.traffic.features.long_memory import LONG_MEMORY_FEATURES, LongMemory
from oddwire.traffic.features.memory_slots import WAYS, Slots, both, hashes_of, hashes_of_ports
from oddwire.traffic.sources.simulated.simulator import simulate

HOUR, DAY = 3600, 86_400
FEW = {"dst": WAYS, "pair": WAYS, "src_port": WAYS}  # so that forgetting happens


def connections(rows):
    """Take (seconds, source, destination, port, bytes)."""
    frame = pd.DataFrame(rows, columns=["ts", "src_ip", "dst_ip", "dst_port", "src_bytes"])
    ts = pd.to_datetime(frame["ts"], unit="s", utc=True).dt.as_unit("us")
    numbers = {name: frame[name].astype("Int64") for name in ("dst_port", "src_bytes")}
    return frame.assign(
        ts=ts, end=ts, dst_bytes=pd.array([0] * len(frame), dtype="Int64"), **numbers
    )


def features(memory, rows, clock=None):
    frame = rows if isinstance(rows, pd.DataFrame) else connections(rows)
    return memory.update(frame, (clock or Clock()).of(frame))


def in_batches(memory, frame, cuts):
    clock, borders = Clock(), [0, *sorted(cut for cut in cuts if cut < len(frame)), len(frame)]
    parts = [
        features(memory, frame.iloc[a:b].reset_index(drop=True), clock)
        for a, b in itertools.pairwise(borders)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in LONG_MEMORY_FEATURES}


hosts = st.sampled_from([None, *(f"10.0.0.{n}" for n in range(2 * WAYS))])
some_rows = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 60, HOUR, DAY, 2 * DAY]), hosts, hosts,
        st.sampled_from([None, 53, 443]), st.sampled_from([None, 0, 260, 2**40]),
    ),
    min_size=1, max_size=80,
).map(lambda rows: [
    (int(at), *row[1:])
    for at, row in zip(np.cumsum([row[0] for row in rows]), rows, strict=True)
])  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(rows=some_rows, cuts=st.sets(st.integers(0, 80), max_size=8))
def test_however_rows_are_cut_the_features_are_equal_to_the_last_bit(rows, cuts):
    frame = connections(rows)
    cut = in_batches(LongMemory(FEW), frame, cuts)
    whole = features(LongMemory(FEW), frame)
    for name in LONG_MEMORY_FEATURES:
        assert cut[name].tobytes() == whole[name].tobytes()
        assert np.isfinite(whole[name]).all()


def test_a_memory_that_was_stored_goes_on_where_it_was():
    frame = simulate(SimulatedSource(format="simulated", days=3, connections_per_day=2000))
    whole = features(LongMemory(), frame)
    memory, clock = LongMemory(), Clock()
    features(memory, frame.iloc[:4000], clock)
    file = io.BytesIO()
    np.savez_compressed(file, **memory.to_arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        stored = LongMemory.from_arrays(arrays)
    rest = features(stored, frame.iloc[4000:].reset_index(drop=True), clock)
    for name in LONG_MEMORY_FEATURES:
        assert rest[name].tobytes() == whole[name][4000:].tobytes()
    assert rest["new_dst_connections"].any()


def test_a_stored_memory_of_other_shapes_is_refused():
    arrays = LongMemory(FEW).to_arrays()
    arrays["pair_numbers"] = arrays["pair_numbers"][:, :3]
    with pytest.raises(ValueError, match="pair_numbers must be float64 of shape"):
        LongMemory.from_arrays(arrays)


def test_nothing_is_new_in_the_first_day_nor_evidence_of_anything():
    frame = simulate(SimulatedSource(format="simulated", days=1, connections_per_day=3000))
    found = features(LongMemory(), frame)
    assert not any(found[name].any() for name in LONG_MEMORY_FEATURES if name.startswith("new_"))


def test_a_destination_is_new_on_its_first_day_and_then_no_more():
    usual = [(at, "10.0.0.1", "10.0.0.9", 443, 100) for at in range(0, 4 * DAY, HOUR)]
    beacon = [(2 * DAY + at, "10.0.0.1", "203.0.113.7", 443, 260) for at in range(0, 90_000, 60)]
    rows = sorted(usual + beacon)
    found = features(LongMemory(), rows)
    calls = np.array([row[2] == "203.0.113.7" for row in rows])
    connections_to_new = found["new_dst_connections"][calls]
    assert connections_to_new[:1440].tolist() == [float(n) for n in range(1, 1441)]
    assert not connections_to_new[1440:].any()
    assert found["new_dst_bytes"][calls][9] == 2600
    # As even as it gets, and the known host is never evidence, however even.
    assert found["new_dst_interval_evenness"][calls][1000] > 3.5
    assert found["new_dst_size_evenness"][calls][1000] > 3.5
    assert not found["new_dst_interval_evenness"][~calls].any()


def test_intervals_and_sizes_that_vary_are_not_even():
    random = np.random.default_rng(0)
    at = 2 * DAY + np.cumsum(random.exponential(600, 60)).astype(int)
    usual = [(at, "10.0.0.1", "10.0.0.9", 443, 100) for at in range(0, 3 * DAY, HOUR)]
    visits = [(int(t), "10.0.0.1", "203.0.113.7", 443, int(b))
              for t, b in zip(at, random.lognormal(8, 2, 60), strict=True)]  # fmt: skip
    found = features(LongMemory(), sorted(usual + visits))
    assert found["new_dst_connections"].max() == 60
    assert found["new_dst_interval_evenness"].max() < 1
    assert found["new_dst_size_evenness"].max() < 1


def test_a_tunnel_shifts_the_sizes_of_a_service_of_its_source():
    random = np.random.default_rng(0)
    usual = [(n, "10.0.0.1", "10.0.0.53", 53, int(b))
             for n, b in enumerate(random.lognormal(4, 0.3, 2000))]  # fmt: skip
    tunnel = [(2000 + n, "10.0.0.1", "10.0.0.53", 53, 900) for n in range(30)]
    other = [(2000 + n, "10.0.0.2", "10.0.0.53", 53, 900) for n in range(30)]
    shift = features(LongMemory(), usual + tunnel)["src_port_size_shift"]
    assert np.abs(shift[:2000]).max() < 1.5
    assert shift[-1] > 2.5
    # For another source these sizes are the usual ones.
    assert not features(LongMemory(), usual + other)["src_port_size_shift"][2000:].any()


def test_after_a_day_without_rows_nothing_is_new_for_another_day():
    rows = [(at, "10.0.0.1", "10.0.0.9", 443, 1) for at in range(0, 2 * DAY, HOUR)]
    hole = 2 * DAY + 3 * DAY
    rows += [(hole, "10.0.0.1", "10.0.0.9", 443, 1)] * ENOUGH  # they move the clock over it
    rows += [(hole + n, "10.0.0.1", f"203.0.113.{n}", 443, 1) for n in range(5)]
    rows += [(hole + at, "10.0.0.1", "10.0.0.9", 443, 1) for at in range(HOUR, 2 * DAY, HOUR)]
    rows += [(hole + 2 * DAY, "10.0.0.1", "203.0.113.99", 443, 1)]
    found = features(LongMemory(), rows)["new_dst_connections"]
    assert found[-1] == 1
    assert not found[:-1].any()


def test_what_a_full_table_forgot_is_not_called_new():
    rows = [(at, "10.0.0.1", "10.0.0.9", 443, 1) for at in range(0, 3 * DAY, HOUR)]
    others = [(3 * DAY + n, "10.0.0.1", f"203.0.113.{n}", 443, 1) for n in range(3 * WAYS)]
    found = features(LongMemory(FEW), rows + others)["new_dst_connections"][len(rows) :]
    # Once a destination of this hour is forgotten, an unknown one may be it.
    assert found[:WAYS].tolist() == [1.0] * WAYS
    assert not found[WAYS:].any()


def test_a_key_takes_the_place_of_the_one_not_seen_for_longest():
    slots = Slots.empty(WAYS)
    keys = np.array([*range(1, WAYS + 1), 1, WAYS + 1], dtype=np.uint64)
    places = slots.place(keys, np.arange(len(keys)), long_enough=10)
    assert places.fresh.tolist() == [1] * WAYS + [0, 1]
    assert places.slots[-1] == places.slots[1]  # of key 2: key 1 has been seen since
    assert 2 not in slots.keys
    assert slots.forgotten.tolist() == [1]


def test_rows_without_an_address_have_no_evidence_and_leave_none():
    rows = [(at, None, None, 443, 100) for at in range(0, 3 * DAY, 60)]
    memory = LongMemory(FEW)
    assert not any(values.any() for values in features(memory, rows).values())
    assert not any(memory.to_arrays()[f"{table}_keys"].any() for table in FEW)


def test_hashes_are_the_same_everywhere_and_differ_by_order():
    names = pd.Series(["10.0.0.1", None, "10.0.0.2"])
    first = hashes_of(names)
    assert first.tolist() == [18247346626626581519, 0, first[2]]
    assert hashes_of(names[::-1].reset_index(drop=True)).tolist() == first[::-1].tolist()
    turned = both(first, first[::-1])
    assert turned[0] != turned[2]
    assert turned[1] == 0
    ports = hashes_of_ports(pd.Series([None, 0, 65_535], dtype="Int32"))
    assert len(set(ports.tolist()) - {0}) == 3
