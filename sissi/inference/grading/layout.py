"""The layout of plates: a CSV file that names the well of each image, and what its cells were given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from sissi.data.formats.names import loose
from sissi.errors import DataError
from sissi.inference.grading.wells import Well, refuse_without_well

NEEDED = ("image", "well")
COLUMNS = (*NEEDED, "plate", "dose", "unit", "control")


def by_layout(images: Mapping[str, Path], layout: Path) -> dict[str, Well]:
    """The well of each image from a CSV file with the columns `COLUMNS`, of which the first two are needed.

    Images are named by the last parts of their path, as many as tell them apart; their suffix and case do not matter.
    Cells are divided by commas, semicolons or tabs.

    Raises:
        DataError: the file cannot be read, lacks a column, names an image that is missing, that could be several or
            twice, gives a well two doses or controls, or has no well for an image.
    """
    rows = _rows(layout)
    found = _images(layout, {number: row["image"] for number, row in rows.items()}, images)
    twice = [name for name, count in Counter(found.values()).items() if count > 1]
    if twice:
        raise DataError(f"{layout}: names the image {twice[0]} twice; an image has one line")
    wells = {name: _well(layout, number, rows[number]) for number, name in found.items()}
    known: dict[tuple[str, str], Well] = {}
    for well in wells.values():
        if known.setdefault((well.plate, well.name), well) != well:
            raise DataError(f"{layout}: well {well.title} has two different doses, units or controls")
    refuse_without_well(str(layout), [name for name in images if name not in wells])
    return {name: wells[name] for name in images}


def _images(layout: Path, listed: Mapping[int, str], images: Mapping[str, Path]) -> dict[int, str]:
    """The image on each line. A folder that is named must be the image's: wells have images of equal names."""
    ends: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for name, path in images.items():
        parts = _parts(path.as_posix())
        ends.setdefault(parts[-1], []).append((name, parts))
    found, missing = {}, []
    for number, given in listed.items():
        parts = _parts(given) or ("",)
        fitting = [name for name, path in ends.get(parts[-1], []) if path[-len(parts) :] == parts]
        if given in fitting or len(fitting) == 1:
            found[number] = given if given in fitting else fitting[0]
        elif fitting:
            raise DataError(f"{layout}: {given!r} could be {' or '.join(fitting[:2])}; name its folder, too")
        else:
            missing.append(given)
    if missing:
        raise DataError(f"{layout}: names {len(missing)} images that are not in IMAGES, such as {missing[0]!r}")
    return found


def _parts(name: str) -> tuple[str, ...]:
    """The parts of a path as tools may change it."""
    return PurePosixPath(loose(name.replace("\\", "/"))).parts


def _rows(layout: Path) -> dict[int, dict[str, str]]:
    """Lines of the file by their numbers, as texts without spaces around them."""
    try:
        text = layout.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{layout}: is no CSV file in UTF-8 that can be read: {error}") from None
    divider = max(";\t,", key=text.partition("\n")[0].count)
    try:
        frame: Any = pd.read_csv(layout, sep=divider, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{layout}: is no CSV file: {str(error).strip()}") from None
    frame.columns = [str(name).strip().casefold() for name in frame.columns]
    missing = [name for name in NEEDED if name not in frame.columns]
    if missing:
        raise DataError(f"{layout}: has no column {' and '.join(missing)}; the columns are {', '.join(COLUMNS)}")
    records: list[dict[str, Any]] = frame.to_dict("records")
    return {
        number: {key: str(value).strip() for key, value in record.items()}
        for number, record in enumerate(records, start=2)
    }


def _well(layout: Path, number: int, row: Mapping[str, str]) -> Well:
    if not row["well"]:
        raise DataError(f"{layout}: line {number}: {row['image']} has no well")
    given = row.get("dose", "")
    try:
        dose = float(given.replace(",", ".")) if given else None
    except ValueError:
        raise DataError(f"{layout}: line {number}: the dose {given!r} is no number; put its unit in `unit`") from None
    if dose is not None and not 0 <= dose < float("inf"):
        raise DataError(f"{layout}: line {number}: the dose {given!r} is no amount; it must be 0 or more")
    return Well(row.get("plate", ""), row["well"], dose, row.get("unit", ""), row.get("control", ""))
