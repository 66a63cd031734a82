"""Regions of Label Studio as boxes: rectangles, ellipses, polygons and brush strokes, in percent of the image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sissi.data.classes import Row
from sissi.data.formats.matching import check_size, is_number
from sissi.data.formats.outlines import POINT, brush_extent, ellipse_extent, point_extent, polygon_extent
from sissi.data.formats.rotated import Corners, upright_extent
from sissi.data.images.read import image_size
from sissi.data.problems import Problems
from sissi.errors import DataError

SIDES = ("x", "y", "width", "height")
Tree = dict[str, Any]
Size = tuple[int, int]


def region_rows(
    labels: Path, place: str, regions: list[Any], image: Path, cell_size: float | None, problems: Problems
) -> list[Row] | None:
    """Label, corners in px and score of the cells of a task; None where there are regions, but none has a box.

    The label of a region is its own, else that of the result of type `labels` with the same id.

    Args:
        labels: the file.
        place: of the task in it.
        regions: `result` of an annotation.
        image: the file.
        cell_size: side of the box around a key point, in px; None: key points are left out.
        problems: takes regions without a box, rotated rectangles, and sizes that the image does not have.

    Raises:
        DataError: a region lacks its numbers.
    """
    size = image_size(image)
    for stated in {_stated_size(region) for region in regions}:
        check_size(labels, *stated, image, problems)
    names = dict(_names(regions))
    rows, dropped = [], False
    for index, region in enumerate(regions):
        where = f"{place}.result[{index}]"
        kind = str(region.get("type")) if isinstance(region, dict) else ""
        shape = kind.removesuffix("labels")
        corners = _SHAPES[shape](labels, where, region, size, problems) if shape in _SHAPES else None
        if shape == "keypoint" and cell_size is not None:
            x, y = _numbers(labels, where, region, ("x", "y"))
            corners = point_extent((x * size[1] / 100, y * size[0] / 100), cell_size)
        if corners is not None:
            label = _label(region.get("value"), kind) or names.get(region.get("id"), "")
            rows.append((label, corners, _score(labels, where, region)))
        elif shape in _SHAPES or shape in _OTHER_SHAPES:
            problems.add(labels, POINT if shape == "keypoint" else "region without a box, dropped", f"{where}, {kind}")
            dropped = True
    return None if dropped and not rows else rows


def _names(regions: list[Any]) -> Iterator[tuple[Any, str]]:
    """The labels that stand beside their shapes, as `<Rectangle>` and `<Labels>` give them, by id."""
    for region in regions:
        if isinstance(region, dict) and region.get("type") == "labels":
            yield region.get("id"), _label(region.get("value"), "labels")


def _label(value: Any, kind: str) -> str:
    given = value.get(kind) if isinstance(value, dict) else None
    return str(given[0]) if isinstance(given, list) and given else ""


def _score(labels: Path, where: str, region: Tree) -> float:
    score: Any = 1.0 if region.get("score") is None else region["score"]
    if not is_number(score) or not 0 <= score <= 1:
        raise DataError(f"{labels}: {where}.score: is {score!r}, not a number from 0 to 1")
    return float(score)


def _stated_size(region: Any) -> tuple[float, float]:
    """Height and width of the image that a region was drawn on, 0 where it does not say."""
    sides = [region.get(f"original_{side}") if isinstance(region, dict) else 0 for side in ("height", "width")]
    height, width = (side if isinstance(side, int | float) else 0 for side in sides)
    return height, width


def _numbers(labels: Path, where: str, region: Tree, keys: Sequence[str]) -> list[float]:
    value = region.get("value")
    if not isinstance(value, dict) or not all(is_number(value.get(key)) for key in keys):
        raise DataError(f"{labels}: {where}.value: has no numbers {', '.join(keys[:-1])} and {keys[-1]}")
    return [value[key] for key in keys]


def _rotation(region: Tree) -> float:
    degrees = region["value"].get("rotation")
    return float(degrees) if is_number(degrees) else 0.0


def _rectangle(labels: Path, where: str, region: Tree, size: Size, problems: Problems) -> Corners:
    x, y, w, h = _numbers(labels, where, region, SIDES)
    height, width = size
    left, top = x * width / 100, y * height / 100
    corners = (left, top, (x + w) * width / 100, (y + h) * height / 100)
    if _rotation(region):
        problems.add(labels, "rotated rectangle, its upright extent used", where)
    return upright_extent(corners, _rotation(region), (left, top))


def _ellipse(labels: Path, where: str, region: Tree, size: Size, problems: Problems) -> Corners:
    x, y, across, down = _numbers(labels, where, region, ("x", "y", "radiusX", "radiusY"))
    height, width = size
    centre, radii = (x * width / 100, y * height / 100), (across * width / 100, down * height / 100)
    return ellipse_extent(centre, radii, _rotation(region))


def _polygon(labels: Path, where: str, region: Tree, size: Size, problems: Problems) -> Corners | None:
    value = region.get("value")
    points = value.get("points") if isinstance(value, dict) else None
    if not isinstance(points, list) or not all(
        isinstance(point, list) and len(point) == 2 and all(map(is_number, point)) for point in points
    ):
        raise DataError(f"{labels}: {where}.value.points: is no list of [x, y]")
    height, width = size
    return polygon_extent((x * width / 100, y * height / 100) for x, y in points)


def _brush(labels: Path, where: str, region: Tree, size: Size, problems: Problems) -> Corners | None:
    value = region.get("value")
    code = value.get("rle") if isinstance(value, dict) else None
    try:
        return brush_extent(bytes(code if isinstance(code, list) else []), *size)
    except (TypeError, ValueError) as error:
        raise DataError(f"{labels}: {where}.value.rle: is no mask of the image: {error}") from error


_SHAPES: dict[str, Callable[[Path, str, Tree, Size, Problems], Corners | None]] = {
    "rectangle": _rectangle,
    "ellipse": _ellipse,
    "polygon": _polygon,
    "brush": _brush,
}
_OTHER_SHAPES = ("keypoint", "bitmask", "vector", "magicwand", "cuboid", "video", "videorectangle", "timeseries")
