"""Arrays in .npy files: atomic writing, with a clear error on a full disk, and reading in several threads."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sissi.runtime.files import write_whole

_reading = threading.Lock()


def read_array(path: Path) -> npt.NDArray[Any]:
    """The array in a .npy file.

    One thread reads at a time: numpy parses the header of the file as Python, which Python 3.11 before 3.11.8 and 3.12
    before 3.12.2 cannot do in two threads (github.com/python/cpython/issues/106905).

    Raises:
        OSError: the file is missing or cannot be read.
        ValueError: it holds no array.
        EOFError: it is empty.
    """
    with _reading:
        array: npt.NDArray[Any] = np.load(path)
        return array


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
