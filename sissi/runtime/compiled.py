"""Compilation of loops that numpy cannot express to machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numba

Function = Callable[..., Any]


def compiled(signature: str) -> Callable[[Function], Function]:
    """Decorator that compiles a function for fixed types when its module is imported, before worker processes fork.

    The machine code is cached on disk for the next start, in __pycache__ or numba's own cache folder. Where neither is
    writable, the function is compiled at every start, which takes a second or two.

    Args:
        signature: numba signature, such as "float64(float64[:])".
    """

    def compile_it(function: Function) -> Function:
        try:
            return cast(Function, numba.njit(signature, cache=True)(function))
        except RuntimeError:  # numba has no writable cache folder
            return cast(Function, numba.njit(signature)(function))

    return compile_it
