"""Loops that numba compiles, kept on disk where a folder for that can be written."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def compiled(function: Callable[..., Any], signature: str) -> Callable[..., Any]:
    """Compile a loop for one signature; threads can run it at the same time.

    With the signature given, compiling and saving happen here and not at the first call, so that
    a folder that is read-only or full costs a second and is no error. Numbers are divided as NumPy
    does: by zero too.
    """
    import numba  # half a second, not to be paid by `oddwire --help`

    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        with_cache: Callable[..., Any] = numba.njit(signature, cache=True, **options)(function)
    except (OSError, RuntimeError):  # numba finds no folder that it may write to
        without_cache: Callable[..., Any] = numba.njit(signature, **options)(function)
        return without_cache
    return with_cache
