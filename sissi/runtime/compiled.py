"""Loops that numpy has no word for, as machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numba

Function = Callable[..., Any]


def compiled(signature: str) -> Callable[[Function], Function]:
    """A decorator: compile a function for these types when its module is imported, for all processes that fork then.

    The machine code is kept on disk for the next start, in __pycache__ or numba's own cache folder; where neither can
    be written it is compiled anew, which takes a second or two.
    """

    def compile_it(function: Function) -> Function:
        try:
            return cast(Function, numba.njit(signature, cache=True)(function))
        except RuntimeError:  # numba finds no folder that it can write
            return cast(Function, numba.njit(signature)(function))

    return compile_it
