"""The images of a data set, found and decoded once, so that a broken file is known before anything is trained."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING

from sissi.boxes import EMPTY
from sissi.config import ImageReading
from sissi.data.formats import cellpose_names
from sissi.data.images.folder import image_files, note_unread
from sissi.data.images.read import FIRST, read_image, unread_parts
from sissi.data.images.suffixes import SUFFIXES
from sissi.data.problems import Problems
from sissi.data.sample import Sample, content_of
from sissi.errors import DataError, NoImageError
from sissi.runtime.file_digests import FileIndex, mark_of

if TYPE_CHECKING:  # a model that is served keeps nothing
    from sissi.runtime.cache import Cache

CATEGORIES = ("alive", "dead", "inhib")
"""Sub-folders of the CellLab layout: the looks that its images were sorted into by eye."""
THREADS = min(4, os.cpu_count() or 1)
"""That decode images at the same time."""


def require_path(folder: Path, given: Path, key: str) -> Path:
    """The file or folder that a key gives, relative to the data folder.

    Raises:
        DataError: there is none; names it and the key.
    """
    path = folder / given
    if not path.exists():
        raise DataError(f"{key}: no such file or folder: {path}; set {key}, or data.folder where relative paths start")
    return path


def find_images(folder: Path, layout: str, problems: Problems, key: str) -> dict[str, Path]:
    """The images of a folder: path by name, which is the path below the folder with forward slashes.

    Args:
        folder: of the images.
        layout: celllab, or where there are none in the folder itself: those in alive, inhib and dead if one of these is
            there; else all image files; cellpose: of these no masks, see `cellpose_names.only_images`.
        problems: takes images beside the folders alive, inhib and dead, which are not used, and files that look like
            images and are not read.
        key: of the folder, for messages.

    Raises:
        DataError: there is no image.
    """
    try:
        files = image_files(folder)
        unread = note_unread(folder.iterdir(), problems)
        sorted_by_eye = layout == "celllab" or not files
        categories = [name for name in CATEGORIES if sorted_by_eye and (folder / name).is_dir()]
        if categories:
            for path in files:
                problems.add(path, "image outside of alive, dead and inhib, not used")
            for name in categories:
                unread += note_unread((folder / name).iterdir(), problems)
            files = [path for name in categories for path in image_files(folder / name)]
    except DataError as error:
        raise DataError(f"{key}: {error}") from error
    if layout == "cellpose":
        files = cellpose_names.only_images(files, problems)
    if not files:
        suffixes = ", ".join(SUFFIXES)
        raise NoImageError(f"{key}: no image in {folder}; files with these suffixes are read: {suffixes}{unread}")
    return {path.relative_to(folder).as_posix(): path for path in files}


def listed(found: Mapping[str, Path], folder: Path, names: Path | None, key: str) -> dict[str, Path]:
    """Those of the images that a text file names, one a line; all of them without a file.

    Args:
        found: images by name.
        folder: where a relative path starts.
        names: text file.
        key: of its setting, for messages.

    Raises:
        DataError: the file cannot be read, names no image, or one that is not there.
    """
    if names is None:
        return dict(found)
    path = require_path(folder, names, key)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{key}: {path} is no list of names that can be read: {error}") from error
    wanted = sorted({line.strip() for line in lines} - {""})
    missing = [name for name in wanted if name not in found]
    if missing or not wanted:
        fault = f"{len(missing)} of {len(wanted)} images are not there, such as {missing[0]}" if missing else "is empty"
        raise DataError(
            f"{key}: {path}: {fault}; it has a line for each image, its path below the folder of the images"
        )
    return {name: found[name] for name in wanted}


def subsample(paths: Mapping[str, Path], limit: int | None) -> dict[str, Path]:
    """At most `limit` of the images, evenly spaced over the sorted names, in order; all of them for None."""
    names = sorted(paths)
    count = len(names) if limit is None else min(limit, len(names))
    return {name: paths[name] for name in (names[index * len(names) // count] for index in range(count))}


def decode_all(
    paths: Mapping[str, Path],
    key: str,
    problems: Problems,
    reading: ImageReading = FIRST,
    cache: Cache | None = None,
) -> list[Sample]:
    """A sample without boxes for each image, in order, after decoding it.

    Args:
        paths: of the images, by name.
        key: of their settings, for messages.
        problems: takes images that cannot be read, if it is not strict; they are left out; and planes and channels that
            are not read.
        reading: planes and channels that are the image.
        cache: keeps size and digest of what was decoded, so that an image is decoded again only if its file has
            changed, or could not be read; None: all are decoded.

    Raises:
        DataError: images that cannot be read, if the problems are strict: all of them in one message.
    """
    known = {"reading": reading.model_dump(mode="json")}
    index = FileIndex(cache, "decoded", known, paths.values()) if cache and paths else None
    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = list(pool.map(lambda name: _sample(name, paths[name], reading, index), paths))
    if index is not None:
        index.save()
    faults = {path: one for path, one in zip(paths.values(), outcomes, strict=True) if isinstance(one, DataError)}
    head = f"{key}: {len(faults)} of {len(paths)} images cannot be used"
    problems.refuse(faults, "image that cannot be used", head)
    samples = [outcome for outcome in outcomes if isinstance(outcome, Sample)]
    note_unread_parts([sample.path for sample in samples], problems, reading)
    return samples


def note_unread_parts(paths: Iterable[Path], problems: Problems, reading: ImageReading = FIRST) -> None:
    """Note the images of which planes or channels are left out without a setting that says so."""
    for path in paths:
        with suppress(DataError):  # reading the image says what is wrong
            parts = unread_parts(path, reading)
            if parts:
                problems.add(path, "image that is read in part, set plane, projection or channels to choose", parts)


def _sample(name: str, path: Path, reading: ImageReading, index: FileIndex | None) -> Sample | DataError:
    try:
        height, width, content = _decoded(path, reading) if index is None else _once_decoded(path, reading, index)
    except DataError as error:
        return error
    folder, slash, _ = name.partition("/")
    return Sample(name, path, height, width, EMPTY, folder if slash else None, content, reading)


def _once_decoded(path: Path, reading: ImageReading, index: FileIndex) -> tuple[int, int, str]:
    try:
        known = index.get(path)
        mark, begun = mark_of(path), time_ns()
    except OSError:
        return _decoded(path, reading)  # which says what is wrong
    if known is None:
        known = _decoded(path, reading)
        index.add(path, known, mark, begun)
    height, width, content = known
    return height, width, content


def _decoded(path: Path, reading: ImageReading) -> tuple[int, int, str]:
    """Height and width of an image in px, and the digest of its pixels.

    Raises:
        DataError: it cannot be read.
    """
    image = read_image(path, reading)
    height, width, _ = image.shape
    return height, width, content_of(image)
