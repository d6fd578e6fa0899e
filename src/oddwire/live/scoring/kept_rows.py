"""The rows of a commit as they are kept: what later connections, and a restart, need of them.

A row takes some 40 bytes here. The heavy state, the long memory, is written every few minutes;
after a kill it goes on over the rows that were committed since, and comes to the same bits.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from oddwire.errors import DataError
from oddwire.traffic.features.in_batches import UNREADABLE
from oddwire.traffic.schema import END, TIME, UNIT

# What time windows, the long memory and units look at.
_COLUMNS = (
    TIME, END, "src_ip", "dst_ip", "dst_port", "conn_state", "src_bytes", "dst_bytes", UNIT,
)  # fmt: skip
_SCORED = ("anomaly_score", "alert")
_OWN_THRESHOLD = "adaptive_threshold"
_CLOCK, _ALERTS = "clock", b"alerts"
_SIZE_BYTES = 8  # before what is compressed


@dataclass(frozen=True, eq=False)
class PastRows:
    """Rows that were scored.

    Parameters
    ----------
    rows
        Their connections, as far as anything later depends on them, n of them.
    scores
        The columns ``anomaly_score`` and ``alert``, and ``adaptive_threshold`` where the threshold
        follows drift.
    clock
        When each was known, in microseconds since 1970, shape (n,).
    alerts
        The alerts that they raised, as `Alert.to_dict` gives them.
    """

    rows: pd.DataFrame
    scores: pd.DataFrame
    clock: NDArray[np.int64]
    alerts: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def unscored(cls, rows: pd.DataFrame, clock: NDArray[np.int64]) -> PastRows:
        """Return rows that were looked at alone."""
        scores = pd.DataFrame({"anomaly_score": np.zeros(len(rows)), "alert": False})
        return cls(rows, scores, clock)

    @classmethod
    def joined(cls, parts: Sequence[PastRows]) -> PastRows:
        """Return rows that follow each other as one."""
        here = [part.rows[[name for name in _COLUMNS if name in part.rows]] for part in parts]
        return cls(
            pd.concat(here, ignore_index=True),
            pd.concat([part.scores[list(_SCORED)] for part in parts], ignore_index=True),
            np.concatenate([part.clock for part in parts]),
            [alert for part in parts for alert in part.alerts],
        )

    def packed(self) -> bytes:
        """Return all of it as bytes."""
        here = self.rows[[name for name in _COLUMNS if name in self.rows]]
        frame = here.assign(
            **{name: self.scores[name].to_numpy() for name in _scored(self.scores)},
            **{_CLOCK: self.clock},
        )
        table = pa.Table.from_pandas(frame, preserve_index=False)
        alerts = json.dumps(list(self.alerts)).encode()
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), _ALERTS: alerts})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        return _compressed(sink.getvalue())

    @classmethod
    def unpacked(cls, content: bytes) -> PastRows:
        """Read back what `packed` returned.

        Raises
        ------
        DataError
            If it is damaged.
        """
        try:
            table = pa.ipc.open_stream(_decompressed(content)).read_all()
            alerts = json.loads((table.schema.metadata or {})[_ALERTS])
            frame = table.to_pandas()
            scores = frame[_scored(frame)]
            clock = frame[_CLOCK].to_numpy(dtype=np.int64)
            return cls(frame.drop(columns=[*scores, _CLOCK]), scores, clock, alerts)
        except (pa.ArrowException, ValueError, KeyError, OSError) as error:
            raise DataError(
                f"rows that the store of alerts keeps are damaged ({type(error).__name__}): put a "
                "backup of it back, or begin with another ODDWIRE_ALERTS_STORE"
            ) from None


def _scored(frame: pd.DataFrame) -> list[str]:
    return [*_SCORED, *([_OWN_THRESHOLD] if _OWN_THRESHOLD in frame else [])]


def plain_array(content: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Return what JSON can hold as an array, to be packed with others."""
    return np.frombuffer(json.dumps(content).encode(), dtype=np.uint8)


def plain_of(array: NDArray[np.uint8]) -> Any:
    """Read back what `plain_array` returned."""
    return json.loads(array.tobytes())


def packed_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return arrays by name as bytes, mostly small where they are mostly empty."""
    written = io.BytesIO()
    np.savez(written, allow_pickle=False, **arrays)
    return _compressed(pa.py_buffer(written.getbuffer()))


def unpacked_arrays(content: bytes) -> dict[str, NDArray[Any]]:
    """Read back what `packed_arrays` returned.

    Raises
    ------
    DataError
        If it is damaged.
    """
    try:
        opened = pa.BufferReader(_decompressed(content))
        with np.load(opened, allow_pickle=False) as kept:
            return {name: kept[name] for name in kept.files}
    except (*UNREADABLE, pa.ArrowException) as error:
        raise DataError(
            f"the checkpoint in the store of alerts is damaged ({type(error).__name__}): put a "
            "backup of the store back, or begin with another ODDWIRE_ALERTS_STORE"
        ) from None


def _compressed(buffer: pa.Buffer) -> bytes:
    size = buffer.size.to_bytes(_SIZE_BYTES, "big")
    return b"".join([size, pa.compress(buffer, codec="lz4", asbytes=True)])


def _decompressed(content: bytes) -> pa.Buffer:
    size = int.from_bytes(content[:_SIZE_BYTES], "big")
    buffer: pa.Buffer = pa.decompress(content[_SIZE_BYTES:], decompressed_size=size, codec="lz4")
    return buffer
