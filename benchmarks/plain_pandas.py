"""What one would write without oddwire: a Zeek log scored by a plain pandas script.

The features are those of `oddwire.traffic.features`, number for number; windows are pandas's own,
by time within each key. Only networks of documentation are on another side, as the standard
library has it. The forest is scikit-learn's, with as many trees. `benchmarks/logs.py` measures it.
"""

from __future__ import annotations

import ipaddress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

FAILED = ["S0", "REJ", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR"]
CATEGORIES = ["proto", "service", "conn_state", "dst_port_class", "src_side", "dst_side"]
WINDOWS = (10, 60, 600)


def read(file: Path) -> pd.DataFrame:
    """Read a conn.log as most people do."""
    with file.open(encoding="utf-8") as lines:
        header = next(line for line in lines if line.startswith("#fields"))
    names = header.rstrip("\n").split("\t")[1:]
    log = pd.read_csv(file, sep="\t", comment="#", names=names, na_values="-", engine="c")
    return log.rename(columns={
        "id.orig_h": "src_ip", "id.orig_p": "src_port", "id.resp_h": "dst_ip",
        "id.resp_p": "dst_port", "orig_bytes": "src_bytes", "resp_bytes": "dst_bytes",
        "orig_pkts": "src_packets", "resp_pkts": "dst_packets",
    })  # fmt: skip


def features(log: pd.DataFrame, *, distinct: bool) -> pd.DataFrame:
    """Return the features of connections in the order of the log.

    Parameters
    ----------
    distinct
        Whether to count the different peers and ports of a window, which pandas can only do value
        by value.
    """
    made = log[["duration", "src_bytes", "dst_bytes", "src_packets", "dst_packets"]].astype(float)
    made["total_bytes"] = made.src_bytes + made.dst_bytes
    made["total_packets"] = made.src_packets + made.dst_packets
    lasted = made.duration.clip(lower=0.001)
    made["bytes_per_second"] = made.total_bytes / lasted
    made["packets_per_second"] = made.total_packets / lasted
    for part, whole, name in (
        ("src_bytes", "total_bytes", "src_byte_share"),
        ("src_packets", "total_packets", "src_packet_share"),
        ("src_bytes", "src_packets", "src_bytes_per_packet"),
        ("dst_bytes", "dst_packets", "dst_bytes_per_packet"),
    ):
        made[name] = made[part] / made[whole].where(made[whole] != 0)
    made = pd.concat([made, _windows(log, distinct=distinct)], axis=1)
    made[["proto", "service", "conn_state"]] = log[["proto", "service", "conn_state"]]
    made["dst_port_class"] = pd.cut(
        log.dst_port, [-1, 1023, 49151, 65535], labels=["well-known", "registered", "dynamic"]
    ).astype(object)
    made["src_side"], made["dst_side"] = log.src_ip.map(_side), log.dst_ip.map(_side)
    return made


def fit(rows: pd.DataFrame, *, seed: int) -> Any:
    """Fit scaling, one-hot columns and a forest, as oddwire's defaults have them."""
    numbers = [name for name in rows if name not in CATEGORIES]
    scale = make_pipeline(
        FunctionTransformer(lambda frame: np.log1p(frame.fillna(0))), StandardScaler()
    )
    table = make_column_transformer(
        (scale, numbers),
        (OneHotEncoder(max_categories=17, handle_unknown="infrequent_if_exist"), CATEGORIES),
        sparse_threshold=0,
    )
    forest = IsolationForest(
        n_estimators=300, max_samples=2048, max_features=0.5, random_state=seed, n_jobs=-1
    )
    return make_pipeline(table, forest).fit(rows)


def score(file: Path, out: Path, model: Any, *, distinct: bool) -> int:
    """Read a log, score it, and write it as Parquet; return its rows."""
    log = read(file)
    log["anomaly_score"] = -model.score_samples(features(log, distinct=distinct))
    log.to_parquet(out, index=False)
    return len(log)


def _windows(log: pd.DataFrame, *, distinct: bool) -> pd.DataFrame:
    ends = (log.ts * 1e6 + log.duration.fillna(0) * 1e6).round().cummax()
    known = log.conn_state.notna()
    rows = pd.DataFrame({
        "clock": pd.to_datetime(ends.astype("int64"), unit="us"),
        "one": 1.0,
        "failed": log.conn_state.isin(FAILED).astype(float),
        "known": known.astype(float),
        "bytes": log.src_bytes.fillna(0) + log.dst_bytes.fillna(0),
        "src": log.src_ip.factorize()[0].astype(float),
        "dst": log.dst_ip.factorize()[0].astype(float),
        "port": log.dst_port.astype(float).fillna(-1),
    })  # fmt: skip
    made: dict[str, pd.Series[float]] = {}
    for key, by, peers in (("src", "src", "dst"), ("dst", "dst", "src"), ("pair", None, None)):
        keys = rows[by] if by else rows.src * (rows.dst.max() + 1) + rows.dst
        ordered = rows.assign(key=keys).sort_values("key", kind="stable").set_index("clock")
        places = keys.sort_values(kind="stable").index
        for seconds in WINDOWS:
            window = ordered.groupby("key").rolling(f"{seconds}s")
            sums = window[["one", "failed", "known", "bytes"]].sum()
            found = {
                "connections": sums.one,
                "failure_share": sums.failed / sums.known.where(sums.known != 0),
                "bytes": sums.bytes,
            }
            if distinct:
                found["ports"] = window.port.apply(_different, raw=True)
                if peers:
                    found["peers"] = window[peers].apply(_different, raw=True)
            for name, values in found.items():
                made[f"{key}_{name}_{seconds}s"] = pd.Series(values.to_numpy(), places)
    return pd.DataFrame(made)


def _different(values: np.ndarray) -> int:
    return len(set(values) - {-1.0})  # which stands for a missing port


@cache
def _side(address: str) -> str:
    parsed = ipaddress.ip_address(address)
    if parsed.is_multicast:
        return "multicast"
    return "inside" if parsed.is_private else "outside"
