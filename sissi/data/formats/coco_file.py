"""The JSON of a COCO file: its lists, and the values and ids of their entries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sissi.errors import DataError


def read_tree(labels: Path) -> dict[str, Any]:
    """The outermost object of a file.

    Raises:
        DataError: the file is missing, or is no JSON object.
    """
    try:
        tree = json.loads(labels.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise DataError(f"no such file: {labels}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{labels}: cannot be read as JSON: {error}; write it again") from error
    if not isinstance(tree, dict):
        raise DataError(f"{labels}: holds no object with the keys images and annotations (a COCO results file?)")
    return tree


def entries_of(labels: Path, tree: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects of a list at the top of the file.

    Raises:
        DataError: there is no such list, or it holds something else.
    """
    entries = tree.get(key)
    if not isinstance(entries, list):
        raise DataError(f"{labels}: {key}: is missing or no list; COCO files have it at the top")
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise DataError(f"{labels}: {key}[{index}]: is no object")
    return entries


def value_of(labels: Path, where: str, entry: dict[str, Any], key: str) -> int | float | str:
    """A number or a text that an entry must have.

    Raises:
        DataError: it has none.
    """
    value = entry.get(key)
    if not isinstance(value, int | float | str):
        raise DataError(f"{labels}: {where}.{key}: is missing, or neither a number nor a text")
    return value


def id_of(value: object) -> str:
    """An id as text: 1, 1.0 and "1" are the same id."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
