"""What tables and logs of all origins have in common: words for missing, separators, Parquet."""

from __future__ import annotations

from itertools import product

PARQUET = b"PAR1"  # how such a file begins
SEPARATORS = ",;\t|"

# What spreadsheets, databases, printf and analysts write where there is no value; in any case.
_MSVC_NANS = tuple(
    "".join(parts) for parts in product(("", "-", "+"), ("1.#ind", "1.#qnan", "1.#snan", "1.#nan"),
                                        ("", "0", "00", "000"))
)  # fmt: skip
MISSING = frozenset({
    "", "-", "--", "---", "\N{EN DASH}", "\N{EM DASH}", "?", "??", ".",
    "na", "n/a", "n.a.", "n. a.", "n/d", "<na>", "(na)", "not available", "not applicable",
    "nan", "-nan", "+nan", "nan(ind)", "-nan(ind)", "nat",
    "null", "(null)", "<null>", "[null]", "nil", "<nil>", "\\n",
    "none", "(none)", "<none>", "unknown", "(unknown)", "<unknown>", "undefined", "missing",
    "(empty)", "<empty>", "(blank)", "(unset)", "<unset>",
    "#n/a", "#n/a n/a", "#na", "#nv", "#n/d", "#div/0!", "#value!", "#num!", "#ref!", "#name?",
    "#null!", *_MSVC_NANS,
})  # fmt: skip
# Those that could pass for a category: said, where most of a column is one of them.
LIKE_A_CATEGORY = frozenset({
    "none", "(none)", "<none>", "unknown", "(unknown)", "<unknown>", "undefined", "missing", "nil",
    "(empty)", "<empty>", "(blank)", "(unset)", "<unset>", "not available", "not applicable",
})  # fmt: skip
