"""Units and incidents, which alerts are counted in: of rows as a whole, and of rows in batches."""

from oddwire.traffic.units.of_rows import (
    MINUTES,
    UNKNOWN_SOURCE,
    Floats,
    Ints,
    Kind,
    Units,
    minutes_in_microseconds,
    source_column,
    units_of,
)

__all__ = [
    "MINUTES", "UNKNOWN_SOURCE", "Floats", "Ints", "Kind", "Units", "minutes_in_microseconds",
    "source_column", "units_of",
]  # fmt: skip
