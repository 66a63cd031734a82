"""Atomic writing of an array to a .npy file, with a clear error on a full disk."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sissi.runtime.files import write_whole


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array to a .npy file completely or not at all; see `sissi.runtime.files.whole_file`.

    Args:
        path: the .npy file.
        array: of any shape and dtype without Python objects.

    Raises:
        SissiError: the disk is full.
    """
    content = io.BytesIO()  # written directly to a file, numpy would hide the system error of a full disk
    np.save(content, array)
    write_whole(path, content.getvalue())
