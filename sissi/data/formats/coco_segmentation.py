"""Segmentations of COCO as boxes: polygons, and masks as run lengths, compressed or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sissi.data.formats.matching import is_number
from sissi.data.formats.outlines import coco_counts, pairs, polygon_extent, runs_extent, union
from sissi.data.formats.rotated import Corners
from sissi.errors import DataError


def segmentation_extent(labels: Path, where: str, segmentation: Any) -> Corners | None:
    """Left, top, right, bottom in px around the polygons or the mask of an annotation; None where there are none.

    Args:
        labels: the file, for messages.
        where: place of the annotation in it, for messages.
        segmentation: a list of polygons x, y, x, y ..., or an object with `size` and `counts`.

    Raises:
        DataError: it is neither.
    """
    if not segmentation:
        return None
    try:
        found = _mask(segmentation) if isinstance(segmentation, dict) else _polygons(segmentation)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise DataError(f"{labels}: {where}.segmentation: is neither polygons nor a mask: {error}") from error
    if found is None:
        raise DataError(f"{labels}: {where}.segmentation: encloses no pixel")
    return found


def _polygons(segmentation: Any) -> Corners | None:
    polygons = segmentation if isinstance(segmentation[0], list) else [segmentation]
    if not all(is_number(value) for polygon in polygons for value in polygon):
        raise ValueError("a coordinate is not a finite number")
    extents = [polygon_extent(pairs(polygon)) for polygon in polygons]
    return union([extent for extent in extents if extent is not None])


def _mask(segmentation: dict[str, Any]) -> Corners | None:
    height, width = segmentation["size"]
    counts = segmentation["counts"]
    runs = coco_counts(counts) if isinstance(counts, str) else [int(count) for count in counts]
    if height < 1 or width < 1 or min(runs, default=0) < 0 or sum(runs) != height * width:
        raise ValueError(f"its runs do not fill {width} x {height} px")
    return runs_extent(runs, height)
