"""Objects of QuPath as boxes: annotations, detections and cells of any outline, and points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sissi.data.classes import Row
from sissi.data.formats.matching import is_number
from sissi.data.formats.outlines import POINT, point_extent, polygon_extent, union
from sissi.data.formats.rotated import Corners
from sissi.data.problems import Problems
from sissi.errors import DataError

IGNORED = "*"
"""At the end of a class it says, in QuPath, that such objects are to be ignored."""
NO_CELLS = ("tile", "core", "root")
"""Kinds of objects that divide an image."""
DETECTED = ("cell", "detection")
"""Kinds of objects that QuPath finds, within annotations that a person has drawn around many of them."""
REGION = 2
"""Number of detected objects from which the annotation around them is no cell."""
Point = tuple[float, float]


@dataclass(frozen=True)
class _Found:
    kind: str
    row: Row
    where: str


def object_rows(file: Path, features: Sequence[Any], cell_size: float | None, problems: Problems) -> list[Row] | None:
    """Classification, corners in px and score of the cells; None where there are objects, but none is a cell.

    Polygons, of one or more parts, give the box around them, and points a box of the size of a cell. Left out and noted
    are tiles and cores, lines, objects of a class that ends with `*`, and annotations around two or more detections: in
    such a region QuPath has looked for cells.

    Raises:
        DataError: coordinates or a score cannot be used.
    """
    found: list[_Found] = []
    for place, feature in enumerate(features):
        found += _cells(file, f"features[{place}]", feature, cell_size, problems)
    regions = _regions(found)
    for one in regions:
        problems.add(file, "annotation around detections, a region and no cell, dropped", one.where)
    rows = [one.row for one in found if one not in regions]
    return rows if rows or not features else None


def _cells(file: Path, where: str, feature: Any, cell_size: float | None, problems: Problems) -> Iterator[_Found]:
    feature = feature if isinstance(feature, dict) else {}
    properties, geometry = (_object(feature.get(key)) for key in ("properties", "geometry"))
    kind, name = _kind(feature, properties), _name(properties)
    if kind in NO_CELLS:
        problems.add(file, f"{kind}, which is no cell, dropped", where)
        return
    if name.endswith(IGNORED):
        problems.add(file, f"region of a class with {IGNORED}, to be ignored, dropped", f"{where}, {name}")
        return
    score, shape = _score(file, where, properties), geometry.get("type")
    if shape in ("Point", "MultiPoint"):
        coordinates = geometry.get("coordinates")
        points = _points(file, where, [coordinates] if shape == "Point" else coordinates)
        if cell_size is None:
            problems.add(file, POINT, where)
        else:
            yield from (_Found(kind, (name, point_extent(point, cell_size), score), where) for point in points)
        return
    corners = _extent(file, where, geometry)
    if corners is None:
        problems.add(file, "object without a box, dropped", f"{where}, {shape}")
    else:
        yield _Found(kind, (name, corners, score), where)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _kind(feature: dict[str, Any], properties: dict[str, Any]) -> str:
    """Kind of an object; before version 0.4 it was in the id, as `PathAnnotationObject`."""
    stated = str(properties.get("objectType") or properties.get("object_type") or "")
    old = str(feature.get("id", ""))
    text = (stated or (old if old.startswith("Path") else "")).lower()
    return next((kind for kind in (*NO_CELLS, *DETECTED) if kind in text), "annotation")


def _name(properties: dict[str, Any]) -> str:
    """The classification, of which QuPath joins several with a colon; empty where there is none."""
    given = _object(properties.get("classification"))
    names = given.get("names")
    return str(given.get("name") or (": ".join(map(str, names)) if isinstance(names, list) else ""))


def _score(file: Path, where: str, properties: dict[str, Any]) -> float:
    given = properties.get("measurements")
    if isinstance(given, list):  # before version 0.4
        given = {one.get("name"): one.get("value") for one in given if isinstance(one, dict)}
    score = _object(given).get("score", 1.0)
    if not is_number(score) or not 0 <= score <= 1:
        raise DataError(f"{file}: {where}: the measurement score is {score!r}, not a number from 0 to 1")
    return float(score)


def _extent(file: Path, where: str, geometry: dict[str, Any]) -> Corners | None:
    """The box around a geometry of any number of polygons; None where it encloses nothing."""
    shape, coordinates = geometry.get("type"), geometry.get("coordinates")
    if shape == "GeometryCollection":
        parts = [_extent(file, where, _object(part)) for part in _list(file, where, geometry.get("geometries"))]
    elif shape in ("Polygon", "MultiPolygon"):
        polygons = [coordinates] if shape == "Polygon" else _list(file, where, coordinates)
        outer = [rings[0] for rings in (_list(file, where, polygon) for polygon in polygons) if rings]
        parts = [polygon_extent(_points(file, where, ring)) for ring in outer]
    else:
        parts = []
    return union([part for part in parts if part is not None])


def _list(file: Path, where: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise DataError(f"{file}: {where}: its coordinates are no list of points [x, y]")
    return value


def _points(file: Path, where: str, value: Any) -> list[Point]:
    points = _list(file, where, value)
    if not all(isinstance(point, list) and len(point) >= 2 and all(map(is_number, point[:2])) for point in points):
        raise DataError(f"{file}: {where}: its coordinates are no list of points [x, y]")
    return [(point[0], point[1]) for point in points]


def _regions(found: Sequence[_Found]) -> list[_Found]:
    """The annotations around two or more of the detected objects."""
    detected = np.array([one.row[1] for one in found if one.kind in DETECTED]).reshape(-1, 4)
    return [
        one
        for one in found
        if one.kind == "annotation"
        and (
            np.logical_and(detected[:, :2] >= one.row[1][:2], detected[:, 2:] <= one.row[1][2:]).all(axis=1).sum()
            >= REGION
        )
    ]
