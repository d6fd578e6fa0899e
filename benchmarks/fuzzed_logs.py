"""Fuzzed lines over all readers of logs: no crash, no invented row, and no line lost unseen.

python benchmarks/fuzzed_logs.py --lines 1000000 --seed 0

Lines of every kind of log are changed (bytes flipped, deleted and doubled, values swapped, dropped,
made huge or out of range, lines cut, joined and doubled, NULs and bytes that are no UTF-8, headers
in the middle), written with either line end, compressed or not, some files cut off. What is read is
held against a count of the lines that this script makes by itself:

* rows in = rows read + rows refused + rows folded into another;
* the rows that were read stand in the lines that were not refused, in their order: the uid, the
  addresses and the ports of each are those of its line;
* a file with a sound header gives no error.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from reading_logs import KINDS as MADE

from oddwire.traffic.sources.logs import LogPart
from oddwire.traffic.sources.logs.parsing.lines import LONGEST_LINE
from oddwire.traffic.sources.logs.reading import read_log
from oddwire.traffic.sources.logs.tables.reading import read as read_table
from oddwire.traffic.sources.logs.tables.values import TableSettings

BLANK = b" \t\r\x0b\x0c"
NASTY = (
    b"-1", b"1e400", b"nan", b"inf", b"99999999999999999999", b"0x1f", b"-", b"(empty)", b"",
    b"1.4 M", b"\\x00", b"\\xff", b"\\N", b"null", b'"', b"65536", b"1e5", b"::", b"fe80::1%eth0",
    b"256.1.1.1", b"#close", b"{}", b"[]", b"true", b"\xe2\x82\xac",
)  # fmt: skip
NUMBER = re.compile(rb"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+")


WORD = re.compile(rb"[0-9A-Za-z][0-9A-Za-z:.%]+")


@dataclass(frozen=True)
class Kind:
    """A kind of log, and what its lines are by a count that knows nothing of its reader.

    Parameters
    ----------
    head, lines
        Lines above the rows, and sound rows.
    separator
        What stands between the values of a line.
    read
        Reads a file in blocks of some size.
    rows
        How many of a line's rows there are at least and at most; ``(1, 1)`` for most lines.
    ordered
        Whether rows come in the order of their lines.
    exact
        Whether each line is a row of its own; not so in one array of JSON.
    """

    head: list[bytes]
    lines: list[bytes]
    separator: bytes
    read: Callable[[Path, int], Iterator[LogPart]]
    rows: Callable[[bytes, list[bytes]], tuple[int, int]]
    ordered: bool = True
    exact: bool = True


def of_log(file: Path, size: int) -> Iterator[LogPart]:
    """Read a log."""
    return read_log(file, size=size)


def of_table(file: Path, size: int) -> Iterator[LogPart]:
    """Read a table of connections."""
    return read_table(file, TableSettings(), size=size)


def plain(line: bytes, head: list[bytes]) -> tuple[int, int]:
    """Count a line of values: all but blank ones and the header again are rows."""
    bare = line.removesuffix(b"\r")
    return (0, 0) if not bare.strip(BLANK) or bare == head[-1] else (1, 1)


def zeek(line: bytes, head: list[bytes]) -> tuple[int, int]:
    """Count a line of Zeek's own form: what begins with its mark is none."""
    return (0, 0) if line.startswith(b"#") else plain(line, head)


def nfdump(line: bytes, head: list[bytes]) -> tuple[int, int]:
    """Count a line of nfdump: the sums below the rows are none."""
    bare = line.removesuffix(b"\r")
    if bare == b"Summary" or re.fullmatch(rb"flows,bytes,packets.*|\d+(,[\d.]+){2,5}", bare):
        return 0, 0
    return plain(line, head)


def aws(line: bytes, head: list[bytes]) -> tuple[int, int]:
    """Count a line of AWS: an interval without a record is none."""
    values = line.removesuffix(b"\r").split(b" ")
    none = len(values) == len(head[-1].split(b" ")) and values[-1] in {b"NODATA", b"SKIPDATA"}
    return (0, 1 if b'"' in line else 0) if none else plain(line, head)


def by_json(line: bytes, head: list[bytes]) -> tuple[int, int]:
    """Count a line of JSON: each is a row."""
    del head
    return (1, 1) if line.strip() else (0, 0)


def in_array(line: bytes, head: list[bytes]) -> tuple[int, int]:
    """Count a record within an array: a broken one may be several things that are none."""
    del head
    return 0, 1 + line.count(b"{") + line.count(b"}")


def eve(line: bytes, head: list[bytes]) -> tuple[int, int]:
    """Count an event of Suricata: where it is sound and no flow, it may be passed over."""
    del head
    if not line.strip():
        return 0, 0
    try:
        event = json.loads(line.strip().removeprefix(b"@cee:").decode("utf-8", "replace"))
        name = event.get("event_type") or "flow"
    except (ValueError, AttributeError, RecursionError):
        return 1, 1
    return (1, 1) if name in ("flow", "netflow") else (0, 1)


def kinds(samples: Path | None) -> dict[str, Kind]:
    """Return all kinds: of real lines where there are samples, and of made ones."""
    made = {
        "zeek made": ("Zeek TSV", zeek, b"\t", 6, of_log),
        "zeek json made": ("Zeek JSON", by_json, b",", 0, of_log),
        "eve made": ("Suricata flow", eve, b",", 0, of_log),
        "netflow made": ("Suricata netflow", eve, b",", 0, of_log),
        "nfdump json made": ("nfdump JSON", by_json, b",", 0, of_log),
        "nfdump array made": ("nfdump JSON", in_array, b",", 1, of_log),
        "nfdump made": ("nfdump CSV", nfdump, b",", 1, of_log),
        "argus made": ("Argus", plain, b",", 1, of_log),
        "table made": ("table: Zeek as CSV", plain, b",", 1, of_table),
        "aws made": ("table: AWS", aws, b" ", 1, of_table),
    }
    found = {}
    for name, (maker, rows, separator, above, read) in made.items():
        text = "\n".join(MADE[maker](5000)).encode().split(b"\n")
        if maker == "nfdump JSON":
            text = [json.dumps(record).encode() for record in json.loads(b"".join(text))]
        if rows is in_array:
            text = [line + b"," for line in text]
            text.insert(0, b"[")
        lines = text[above:]
        if rows is aws:
            lines[::20] = [re.sub(rb" 6 .*", b" - - - 1 2 - NODATA", line) for line in lines[::20]]
        if rows is nfdump:
            lines[::1000] = [b"Summary", b"flows,bytes,packets,avg_bps", b"98,219155,655,1.5"] + [
                b"Summary"
            ] * 2
        ordered = rows not in (eve, in_array)
        exact = rows is not in_array
        found[name] = Kind(text[:above], lines, separator, read, rows, ordered, exact)
    real = {
        "zeek": ("zeek/conn.log", zeek, b"\t", 8),
        "zeek labelled": ("zeek/conn.log.labeled", zeek, b"\t", 8),
        "zeek json": ("zeek/conn.json.log", by_json, b",", 0),
        "eve": ("suricata/eve.json", eve, b",", 0),
        "argus": ("netflow/test4-malicious.binetflow", plain, b",", 1),
        "argus by tabs": ("netflow/test5-mixed.binetflow", plain, b"\t", 1),
    }
    for name, (path, rows, separator, above) in real.items() if samples else ():
        text = (samples / path).read_bytes().splitlines()
        lines = [line for line in text[above:] if not line.startswith(b"#close")]
        found[name] = Kind(text[:above], lines, separator, of_log, rows, rows is not eve)
    return found


def changed(  # noqa: C901, PLR0911 one arm for each change
    line: bytes, other: bytes, kind: Kind, rng: np.random.Generator
) -> list[bytes]:
    """Return a line after one change: itself in pieces, together with another one, or twice."""
    at, to = sorted(rng.integers(0, len(line) + 1, 2).tolist())
    values = line.split(kind.separator)
    one, two = rng.integers(0, len(values), 2).tolist()
    match int(rng.integers(0, 14)):
        case 0:  # a byte flipped
            return [line[:at] + bytes([rng.integers(0, 256)]) + line[at + 1 :]]
        case 1:
            return [line[:at] + line[to:]]
        case 2:
            return [line[:to] + line[at:]]
        case 3:
            values[one], values[two] = values[two], values[one]
        case 4:
            del values[one]
        case 5 | 6 | 7:
            values[one] = NASTY[rng.integers(len(NASTY))]
        case 8:  # beyond what a line may have, once in a while
            values[one] *= 1 + int(rng.choice([5, 2000, 80_000], p=[0.8, 0.19, 0.01]))
        case 9 if kind.exact:
            return [line[:at], line[at:]]
        case 10:
            return [line + other]
        case 11:
            return [line, line]
        case 12:
            return [line[:at] + bytes(rng.integers(0, 256, 4).tolist()) + line[at:]]
        case 13:
            return [line[:at] + b"\0" * int(rng.integers(1, 9)) + line[at:]]
    return [kind.separator.join(values)]


def fuzzed(kind: Kind, count: int, rng: np.random.Generator) -> list[bytes]:
    """Return so many lines of a kind or a few more, of which a third is changed."""
    lines: list[bytes] = []
    share = rng.choice([0.02, 0.3, 0.9])
    order = rng.permutation(len(kind.lines)).tolist()
    while len(lines) < count:
        line = kind.lines[order[len(lines) % len(order)]]
        if rng.random() < share:
            other = kind.lines[rng.integers(len(kind.lines))]
            parts = changed(line, other, kind, rng)
            # A newline parts a line in two, and what begins as a header does could be one.
            if not kind.exact:  # where a record over two lines is one
                parts = [part.replace(b"\n", b" ") for part in parts]
            parts = [part for whole in parts for part in whole.split(b"\n")]
            lines += [part for part in parts if not part.startswith(b"#")]
        else:
            lines.append(line)
        if kind.exact and rng.random() < 0.001:
            lines += kind.head
    return lines


def stored(data: bytes, rng: np.random.Generator) -> tuple[bytes, bytes]:
    """Return a file's bytes, compressed or not, and what of it is whole."""
    form = rng.choice(["plain", "bom", "gzip", "members", "cut gzip", "cut"])
    cut = int(len(data) * rng.uniform(0.5, 1))
    if form == "plain":
        return data, data
    if form == "bom":
        return b"\xef\xbb\xbf" + data, data
    if form == "cut":
        return data[:cut], data[:cut]
    if form == "members":
        return gzip.compress(data[:cut], 1) + gzip.compress(data[cut:], 1), data
    packed = gzip.compress(data, 1)
    if form == "gzip":
        return packed, data
    packed = packed[: int(len(packed) * rng.uniform(0.5, 1))]
    return packed, zlib.decompressobj(wbits=31).decompress(packed)


def standing(row: dict[str, Any], line: bytes) -> bool:
    """Tell whether what names a row stands in a line; of lines with escapes, the addresses."""
    if not line.isascii() or any(byte in line for byte in (b"\\", b"\r", b"\0")):
        return True
    texts = [row[name] for name in ("uid", "src_ip", "dst_ip") if row[name] is not None]
    if any(text.encode() not in line for text in texts):
        return False
    ports = {row[name] for name in ("src_port", "dst_port")} - {None}
    if all(b"%d" % port in line for port in ports):
        return True
    return ports <= {float(number) for number in NUMBER.findall(line)}


def invented(rows: list[dict[str, Any]], lines: list[bytes], folded: int) -> str | None:
    """Hold rows against the lines that were not refused, in order; tell the first that fails."""
    if folded == 0:
        pairs = zip(rows, lines, strict=False)
        wrong = next((pair for pair in pairs if not standing(*pair)), None)
        if wrong is not None:
            return f"{wrong[0]} does not stand in its line {wrong[1][:200]!r}"
    at = 0
    for row in rows:
        begin = at
        while at < len(lines) and not standing(row, lines[at]):
            at += 1
        if at == len(lines):
            return f"{row} stands in no line from {lines[begin : begin + 1]} on"
        at += 1
    skipped = len(lines) - len(rows)
    return None if skipped == folded else f"{skipped} lines are no rows, {folded} were folded"


def unordered(rows: list[dict[str, Any]], lines: list[bytes]) -> str | None:
    """Hold rows against all lines that have their uid, or the first address."""
    by_word: dict[bytes, list[bytes]] = {}
    for line in lines:
        for word in set(WORD.findall(line)):
            by_word.setdefault(word, []).append(line)
    for row in rows:
        candidates = by_word.get((row["uid"] or row["src_ip"]).encode(), lines)
        if not any(standing(row, line) for line in candidates):
            return f"{row} stands in no line"
    return None


def checked(kind: Kind, count: int, seed: tuple[int, ...], folder: Path) -> Counter[str]:
    """Read one file of fuzzed lines; return the counts, and what is wrong under ``fault``."""
    rng = np.random.default_rng(seed)
    lines = fuzzed(kind, count, rng)
    end = b"\r\n" if rng.random() < 0.2 else b"\n"
    data = end.join([*kind.head, *lines]) + (end if rng.random() < 0.9 else b"")
    packed, whole = stored(data, rng)
    file = folder / "log"
    file.write_bytes(packed)
    size = int(rng.choice([5_000, 100_000, 4 << 20]))
    parts = [*kind.read(file, size)]

    there = whole.split(b"\n")
    if there[-1] == b"":
        there.pop()
    refused = {one.line: one for part in parts for one in part.refused}
    counts = Counter(
        lines=len(there),
        read=sum(part.connections.num_rows for part in parts),
        refused=sum(len(part.refused) for part in parts),
        folded=sum(part.folded for part in parts),
    )
    accounted = counts["read"] + counts["refused"] + counts["folded"]
    bounds = [
        (1, 1) if len(line) > LONGEST_LINE else kind.rows(line, kind.head)
        for line in there[len(kind.head) :]
    ]
    least, most = sum(low for low, _ in bounds), sum(high for _, high in bounds)
    if not least <= accounted <= most:
        print(f"rows in {least} to {most}, but {dict(counts)}")
        counts["fault"] += 1
    if kind.exact and len(refused) != counts["refused"]:
        print(f"{counts['refused']} lines refused, of {len(refused)} numbers")
        counts["fault"] += 1
    left = [
        line
        for at, line in enumerate(there[len(kind.head) :], len(kind.head) + 1)
        if (at not in refused or not kind.exact) and kind.rows(line, kind.head)[1]
    ]
    rows = [row for part in parts for row in part.connections.to_pylist()]
    wrong = invented(rows, left, counts["folded"]) if kind.ordered else unordered(rows, left)
    if wrong is not None:
        print(wrong[:600])
        counts["fault"] += 1
    return counts


def run(lines: int, seed: int, samples: Path | None, *, of_a_file: int) -> int:
    """Fuzz all kinds by turns; print a table, and return how many faults there were."""
    every = kinds(samples)
    totals: dict[str, Counter[str]] = {name: Counter() for name in every}
    done, begin, turn = 0, time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        while done < lines:
            name = [*every][turn % len(every)]
            key = (seed, turn)
            try:
                counts = checked(every[name], of_a_file, key, Path(folder))
            except Exception as error:  # noqa: BLE001 a crash is what is looked for
                print(f"{name}, {key}: {type(error).__name__}: {error}"[:600])
                counts = Counter(fault=1, lines=of_a_file)
            if counts["fault"]:
                print(f"^ {name}, seed {key}")
            totals[name] += counts
            done, turn = done + counts["lines"], turn + 1
    print("| kind | lines | read | refused | folded | faults |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, one in totals.items():
        print(
            f"| {name} | {one['lines']:,} | {one['read']:,} | {one['refused']:,}"
            f" | {one['folded']:,} | {one['fault']} |"
        )
    print(f"{done:,} lines in {time.monotonic() - begin:.0f} s")
    return sum(one["fault"] for one in totals.values())


def main() -> None:
    """Read the options, and fail where there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=Path, help="the folder of public samples")
    parser.add_argument("--of-a-file", type=int, default=5000, help="lines of each file")
    given = parser.parse_args()
    sys.exit(run(given.lines, given.seed, given.samples, of_a_file=given.of_a_file) > 0)


if __name__ == "__main__":
    main()
