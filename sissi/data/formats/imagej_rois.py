"""Regions of ImageJ (ROI) read and written by the package roifile."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from sissi.boxes import Boxes
from sissi.data.formats.outlines import polygon_extent, union
from sissi.data.formats.rotated import Corners
from sissi.data.formats.writing import format_float
from sissi.data.problems import Problems
from sissi.errors import DataError

if TYPE_CHECKING:
    from roifile import ImagejRoi

SCORE = "score"
"""Property of a region that holds its score, where it is below 1."""
_UNREADABLE = (OSError, ValueError, TypeError, struct.error, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)
"""What a damaged file raises; NotImplementedError, for an unknown compression, is a RuntimeError."""


@dataclass(frozen=True)
class Roi:
    """A region.

    Attributes:
        where: its name in the file.
        corners: left, top, right, bottom around it, in px; None for points and for what encloses nothing.
        points: x and y of each point of a region of points, in px.
        score: property `score`, or 1.
        group: number of its group, 0 for none.
        plane: channel, slice and frame, or the position in a stack; zeros for all of them.
    """

    where: str
    corners: Corners | None
    points: tuple[tuple[float, float], ...]
    score: float
    group: int
    plane: tuple[int, int, int, int]


def read_rois(file: Path, problems: Problems) -> list[Roi]:
    """The regions of a file, in order.

    Args:
        file: zip file of regions, or one region.
        problems: takes other files in the zip file.

    Raises:
        DataError: it cannot be read as such, or a score is not from 0 to 1.
    """
    try:
        return [_roi(file, name, content) for name, content in _contents(file, problems)]
    except _UNREADABLE as error:
        raise DataError(f"{file}: cannot be read as regions of ImageJ: {error}; save it again") from error


def write_rois(boxes: Boxes, file: Path) -> None:
    """Write the boxes as regions of a zip file: rectangles, with the number of the class as group."""
    from roifile import roiwrite

    digits = len(str(len(boxes)))
    rois = [
        _region(corners, score, label, f"{place:0{digits}d}")
        for place, (corners, score, label) in enumerate(
            zip(boxes.xyxy, boxes.scores, boxes.labels.tolist(), strict=True), start=1
        )
    ]
    roiwrite(file, rois, mode="w")


def _contents(file: Path, problems: Problems) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each region."""
    if file.suffix.lower() == ".roi":
        yield file.name, file.read_bytes()
        return
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            name = PurePosixPath(entry.filename)
            hidden = name.name.startswith(".") or name.parts[:1] == ("__MACOSX",)  # beside each file, on macOS
            if name.suffix.lower() == ".roi" and not hidden:
                yield entry.filename, archive.read(entry)
            elif not (hidden or entry.is_dir()):
                problems.add(file, "file in a zip that is no region, not used", entry.filename)


def _roi(file: Path, name: str, content: bytes) -> Roi:
    from roifile import ROI_TYPE, ImagejRoi

    roi = ImagejRoi.frombytes(content)
    points = roi.coordinates().tolist() if roi.roitype == ROI_TYPE.POINT else []
    score = roi.properties.get(SCORE, 1.0)
    if not isinstance(score, int | float) or not 0 <= score <= 1:
        raise DataError(f"{file}: {name}: the property {SCORE} is {score!r}, not a number from 0 to 1")
    plane = (roi.position, roi.c_position, roi.z_position, roi.t_position)
    return Roi(name, _corners(roi), tuple((x, y) for x, y in points), float(score), roi.group, plane)


def _corners(roi: ImagejRoi) -> Corners | None:
    from roifile import ROI_SUBTYPE, ROI_TYPE

    if roi.subtype in (ROI_SUBTYPE.TEXT, ROI_SUBTYPE.IMAGE, ROI_SUBTYPE.ARROW):
        return None
    if roi.roitype in (ROI_TYPE.RECT, ROI_TYPE.OVAL) and not roi.composite:
        if roi.subpixelrect:
            return roi.xd, roi.yd, roi.xd + roi.widthd, roi.yd + roi.heightd
        return roi.left, roi.top, roi.right, roi.bottom
    if roi.roitype in (ROI_TYPE.RECT, ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED):
        parts = [polygon_extent(part.tolist()) for part in roi.coordinates(multi=True)]
        return union([part for part in parts if part is not None])
    return None


def _region(corners: np.ndarray, score: np.float32, label: int, name: str) -> ImagejRoi:
    """A rectangle; a polygon of its corners where left and width, of 32 bits, would not give back its right side."""
    from roifile import ROI_OPTIONS, ROI_TYPE, ImagejRoi

    left, top, right, bottom = corners.tolist()
    width, height = (float(np.float32(side)) for side in (right - left, bottom - top))
    exact = np.array_equal(np.array([left + width, top + height], np.float32), corners[2:])
    if exact:
        roi = ImagejRoi(roitype=ROI_TYPE.RECT, options=ROI_OPTIONS.SUB_PIXEL_RESOLUTION)
        roi.left, roi.top, roi.right, roi.bottom = *map(math.floor, (left, top)), *map(math.ceil, (right, bottom))
        roi.xd, roi.yd, roi.widthd, roi.heightd = left, top, width, height
    else:
        roi = ImagejRoi.frompoints(np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32))
        roi.roitype = ROI_TYPE.POLYGON
    roi.name, roi.group = name, label
    if score < 1:
        roi.props = f"{SCORE}: {format_float(score)}\n"
    return roi
