"""`NAME_seg.npy`, in which Cellpose keeps outlined cells, read without running any code in it.

NumPy keeps such a dictionary as a pickle, which may call any function. Here only arrays, numbers, texts and the
containers around them are made.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from sissi.errors import DataError

ADVICE = "save the masks in Cellpose as PNG or TIFF"
_ARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray")
_PATHS = ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath", "Path")


def read_segmentation(file: Path) -> npt.NDArray[Any]:
    """The masks of a file as they are stored: (H, W), one integer a cell.

    Raises:
        DataError: the file is damaged, holds no masks, or something else than data.
    """
    try:
        with file.open("rb") as stream:
            content = _content(stream)
    except DataError as error:
        raise DataError(f"{file}: {error}") from error
    except Exception as error:  # a damaged pickle can raise anything
        raise DataError(f"{file}: cannot be read as Cellpose's _seg.npy: {error}; {ADVICE}") from error
    masks = content.get("masks") if isinstance(content, dict) else None
    if not isinstance(masks, np.ndarray) or masks.dtype.hasobject:
        raise DataError(f"{file}: holds no masks, as Cellpose's _seg.npy do; {ADVICE}")
    return masks


def _content(stream: BinaryIO) -> Any:
    """The dictionary of a file."""
    version = npy.read_magic(stream)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read_header(stream)
    if shape != () or not dtype.hasobject:
        raise DataError(f"holds an array, and no masks as Cellpose's _seg.npy do; {ADVICE}")
    array = _DataOnly(stream, encoding="latin1").load()
    return array.item() if isinstance(array, np.ndarray) and array.shape == () else array


class _DataOnly(pickle.Unpickler):
    """Reads arrays and plain containers; anything else is refused before it is made."""

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle may call: the makers of arrays and numbers, and of paths, which become texts."""
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        if module.partition(".")[0] == "pathlib" and name in _PATHS:
            return _joined
        raise DataError(f"holds {module}.{name}, which is no data and could do anything, so it is not read; {ADVICE}")


def _joined(*parts: str) -> str:
    return "/".join(map(str, parts))


def _from_buffer(
    content: bytes, dtype: np.dtype[Any], shape: tuple[int, ...], order: Literal["C", "F"] = "C"
) -> npt.NDArray[Any]:
    """An array as pickles of protocol 5 spell it."""
    return np.frombuffer(content, dtype).reshape(shape, order=order)


def _encoded(text: str, encoding: str = "latin1") -> bytes:
    """Bytes as old pickles spell them."""
    return text.encode("latin1")


def _made_by(template: Any) -> Callable[..., Any]:
    """The function that NumPy's own pickles of a value call first."""
    return template.__reduce__()[0]  # type: ignore[no-any-return]


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _encoded,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("builtins", "slice"): slice,
    ("builtins", "complex"): complex,
    ("builtins", "bytearray"): bytearray,
    **{(module, "_reconstruct"): _made_by(np.zeros(1)) for module in _ARRAYS},
    **{(f"{module}.numeric", "_frombuffer"): _from_buffer for module in ("numpy.core", "numpy._core")},
    **{(module, "scalar"): _made_by(np.float64(0)) for module in _ARRAYS},
}
