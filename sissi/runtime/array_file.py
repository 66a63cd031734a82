"""Write an array to a .npy file wholly or not at all; a full disk is named."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sissi.runtime.files import write_whole


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """See `sissi.runtime.files.whole_file`.

    Raises:
        SissiError: the disk is full.
    """
    content = io.BytesIO()  # straight into a file, numpy would hide what the system says of a full disk
    np.save(content, array)
    write_whole(path, content.getvalue())
