"""The layout of plates: a CSV file that names the well of each image, and what its cells were given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from sissi.data.formats.names import match_names
from sissi.data.problems import Problems
from sissi.errors import DataError
from sissi.inference.grading.wells import Well, refuse_without_well

NEEDED = ("image", "well")
COLUMNS = (*NEEDED, "plate", "dose", "unit", "control")


def by_layout(images: Mapping[str, Path], layout: Path) -> dict[str, Well]:
    """The well of each image from a CSV file with the columns `COLUMNS`, of which the first two are needed.

    Images are named by their path below the folder of all images, or by their last part; see `match_names`. Cells are
    divided by commas, semicolons or tabs.

    Raises:
        DataError: the file cannot be read, lacks a column, names an image that is missing or twice, gives a well two
            doses or controls, or has no well for an image.
    """
    rows = _rows(layout)
    listed = {number: row["image"] for number, row in rows.items()}
    found = match_names(layout, listed, images, Problems())
    missing = [listed[number] for number, name in found.items() if name is None]
    if missing:
        raise DataError(f"{layout}: names {len(missing)} images that are not in IMAGES, such as {missing[0]!r}")
    twice = [name for name, count in Counter(found.values()).items() if count > 1]
    if twice:
        raise DataError(f"{layout}: names the image {twice[0]} twice; an image has one line")
    wells = {str(name): _well(layout, number, rows[number]) for number, name in found.items()}
    known: dict[tuple[str, str], Well] = {}
    for well in wells.values():
        if known.setdefault((well.plate, well.name), well) != well:
            raise DataError(f"{layout}: well {well.title} has two different doses, units or controls")
    refuse_without_well(str(layout), [name for name in images if name not in wells])
    return {name: wells[name] for name in images}


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
