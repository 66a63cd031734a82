"""Cellpose's own files are read as data; one that carries code is refused, and runs none of it."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sissi.data.formats.cellpose_segmentation import read_segmentation
from sissi.errors import DataError

MASKS = np.arange(12, dtype=np.uint16).reshape(3, 4)


def write(path: Path, content: Any) -> Path:
    np.save(path, content, allow_pickle=True)
    return path


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.int32, np.int64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_cellpose_writes_is_read(tmp_path: Path, dtype: type, order: Any) -> None:
    content = {
        "outlines": MASKS > 3,
        "masks": np.asarray(MASKS, dtype, order=order),
        "chan_choose": [0, np.int64(2)],
        "ismanual": np.zeros(11, bool),
        "filename": Path("/images/a.tif"),
        "flows": [np.zeros((1, 3, 4, 3), np.uint8), None, [], [np.ones(2, np.float32)]],
        "diameter": np.float32(17.5),
        "model_path": 0,
        "colors": np.zeros((11, 3), np.uint8),
        "manual_changes": [["2024-01-01", "added mask", np.array(["a", "bc"])]],
        "normalize_params": {"lowhigh": None, "percentile": (1.0, 99.0), "kinds": {"a"}, "bytes": b"\xff"},
    }
    found = read_segmentation(write(tmp_path / "a_seg.npy", content))
    np.testing.assert_array_equal(found, MASKS)
    assert found.dtype == dtype


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("package", ["numpy.core", "numpy._core"])
def test_what_old_and_new_versions_of_numpy_write_is_read(tmp_path: Path, protocol: int, package: str) -> None:
    write(tmp_path / "a_seg.npy", {})
    header = (tmp_path / "a_seg.npy").read_bytes()
    header = header[: header.index(b"\n") + 1]
    array = np.empty((), object)
    array[()] = {"masks": MASKS}
    body = pickle.dumps(array, protocol)
    if protocol < 4:  # names have no length before them
        body = body.replace(b"numpy._core", package.encode()).replace(b"numpy.core", package.encode())
    (tmp_path / "a_seg.npy").write_bytes(header + body)
    np.testing.assert_array_equal(read_segmentation(tmp_path / "a_seg.npy"), MASKS)


class Attack:
    """What a pickle can do to a machine."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call[0], self.call[1:]


@pytest.mark.parametrize(
    "call",
    [(os.system, "touch {hit}"), (eval, "open('{hit}', 'w')"), (os.mkdir, "{hit}"), (getattr, "x", "y"), (Attack,)],
    ids=["system", "eval", "mkdir", "getattr", "own class"],
)
def test_a_file_that_carries_code_is_refused_and_not_run(tmp_path: Path, call: tuple[Any, ...]) -> None:
    hit = tmp_path / "hit"
    arguments = [one.format(hit=hit) if isinstance(one, str) else one for one in call[1:]]
    write(tmp_path / "a_seg.npy", {"masks": MASKS, "more": Attack(call[0], *arguments)})
    with pytest.raises(
        DataError, match=r"a_seg\.npy: holds .*, which is no data .*; save the masks in Cellpose as PNG"
    ):
        read_segmentation(tmp_path / "a_seg.npy")
    assert not hit.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be read"),
        (b"\x93NUMPY\x01\x00", "cannot be read"),
        (b"no array at all", "cannot be read"),
        (np.zeros(3), "holds an array, and no masks"),
        ({"outlines": MASKS}, "holds no masks"),
        ({"masks": [1, 2]}, "holds no masks"),
        ({"masks": np.array([None, {}])}, "holds no masks"),
        ([1, 2], "holds an array|holds no masks"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path, content: Any, reason: str) -> None:
    path = tmp_path / "a_seg.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        write(path, content)
    with pytest.raises(DataError, match=rf"{path}: ({reason})"):
        read_segmentation(path)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_file_is_refused_by_name(tmp_path: Path, share: float) -> None:
    path = write(tmp_path / "a_seg.npy", {"masks": np.zeros((40, 50), np.int32)})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(DataError, match=rf"{path}: cannot be read as Cellpose's _seg\.npy"):
        read_segmentation(path)
