"""The plugin for napari, whose manifest is sissi/napari.yaml: files of the format `napari` as layers, with classes.

napari's own reader and writer of shapes know neither classes nor scores, and so lose them.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sissi.data.formats.csv_table import read_csv, read_float, read_score
from sissi.data.formats.napari import COLUMNS
from sissi.data.formats.writing import format_float
from sissi.data.images.draw import class_colour
from sissi.errors import DataError

Layer = tuple[Any, dict[str, Any], str]
"""Data, attributes and type of a layer, as plugins give them."""
OWN = ("class", "score")
"""Features of a shape that napari does not save."""


def shapes_reader(path: str | Sequence[str]) -> Callable[[Any], list[Layer]] | None:
    """The function that reads a file; None for files that are not of this format, which napari then opens itself."""
    if not isinstance(path, str) or not path.lower().endswith(".csv"):
        return None
    try:
        columns = read_csv(Path(path), ", ".join(COLUMNS)).columns
    except DataError:
        return None
    return _read if set(COLUMNS) <= set(columns) else None


def write_shapes(path: str, data: Sequence[Any], attributes: dict[str, Any]) -> list[str]:
    """Write a layer of shapes in the format `napari`, with the features class and score where the layer has them.

    Args:
        path: of the file.
        data: vertices of each shape, shape (V, D), in px, the axes as in the image.
        attributes: of the layer.
    """
    features = pd.DataFrame(attributes.get("features", {}), index=range(len(data)))
    axes = data[0].shape[1] if len(data) else 2
    with Path(path).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*COLUMNS[:3], *(f"axis-{axis}" for axis in range(axes)), *OWN])
        for index, (vertices, kind) in enumerate(zip(data, attributes.get("shape_type", ()), strict=True)):
            own = [_text(features[name][index]) if name in features else "" for name in OWN]
            for place, vertex in enumerate(np.asarray(vertices, float).tolist()):
                writer.writerow([index, kind, place, *vertex, *own])
    return [path]


def _read(path: str) -> list[Layer]:
    table = read_csv(Path(path), ", ".join(COLUMNS))
    axes = sorted(name for name in table.columns if name.startswith("axis-"))
    shapes: dict[str, list[dict[str, str]]] = {}
    for _, row in table.rows:
        shapes.setdefault(row["index"], []).append(row)
    data = [np.array([[read_float(row[axis]) for axis in axes] for row in rows]) for rows in shapes.values()]
    first = [rows[0] for rows in shapes.values()]
    features = {"class": [row["class"] for row in first], "score": [read_score(row["score"]) for row in first]}
    names = sorted({row["class"] for row in first})
    colours = [np.array(class_colour(names.index(row["class"]) + 1)) / 255 for row in first]
    attributes = {
        "edge_color": colours or "white",
        "shape_type": [row["shape-type"] for row in first],
        "features": features,
        "name": Path(path).stem,
        "face_color": "transparent",
        "text": {"string": "{class}", "anchor": "upper_left"},
    }
    return [(data, attributes, "shapes")]


def _text(value: Any) -> str:
    """A feature as text; empty where a new shape has none."""
    if pd.isna(value):
        return ""
    return format_float(value) if isinstance(value, float) else str(value)
