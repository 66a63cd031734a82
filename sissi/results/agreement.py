"""How far the rows of an ablation agree about the cells: what is known where no reader scores them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from sissi.boxes import Boxes
from sissi.config.variants import VARIANTS, Variant
from sissi.evaluation.reader_agreement import agreement
from sissi.names import CELL_NAME
from sissi.runtime import tables
from sissi.runtime.csv_records import to_csv
from sissi.runtime.files import write_whole
from sissi.runtime.tables import Cell, Table

Found = Mapping[tuple[str, int], Sequence[Boxes]]
"""Detections in each target training image, in px of its file, by variant and seed."""
NOTE = (
    "F1 at IoU 0.5 of the detections in the training images, with a score as of a pseudo label. Agreement is no score: "
    "rows that make the same mistakes agree too."
)


@dataclass(frozen=True)
class Agreement:
    """What a row finds in the target training images, for one seed, and who else finds it.

    Attributes:
        variant: name of the row.
        seed: experiment seed.
        images: number of images.
        cells: number of detections.
        with_initial: F1 at IoU 0.5 with the initial weak labels; NaN without any box.
        with_others: mean F1 at IoU 0.5 with the other rows of the seed; NaN if there is none.
    """

    variant: str
    seed: int
    images: int
    cells: int
    with_initial: float
    with_others: float


def agreements(found: Found, initial: Sequence[Boxes]) -> list[Agreement]:
    """The agreement of each row, in their order.

    Args:
        found: detections of the rows.
        initial: initial weak labels of the same images.
    """
    result = []
    for (variant, seed), mine in found.items():
        others = [agreement(mine, theirs) for key, theirs in found.items() if key[1] == seed and key[0] != variant]
        known = [value for value in others if not math.isnan(value)]
        with_others = fmean(known) if known else math.nan
        cells = sum(map(len, mine))
        result.append(Agreement(variant, seed, len(mine), cells, agreement(mine, initial), with_others))
    return result


def as_table(rows: Sequence[Agreement], variants: Mapping[str, Variant] = VARIANTS) -> Table:
    """A line for each row of the ablation, over several seeds their mean."""
    lines = []
    for name in dict.fromkeys(row.variant for row in rows):
        mine = [row for row in rows if row.variant == name]
        cells = fmean(row.cells for row in mine)
        title = variants[name].title
        lines.append(
            [
                Cell(title, title),
                Cell(f"{cells:,.0f}", cells),
                Cell(f"{cells / mine[0].images:.1f}", cells / mine[0].images),
                _percent(row.with_initial for row in mine),
                _percent(row.with_others for row in mine),
            ]
        )
    header = ["variant", "cells", "cells an image", "F1 with initial labels", "F1 with other rows"]
    return Table("agreement", "How far the rows agree, in %.", header, lines, [asdict(row) for row in rows], NOTE)


def as_markdown(rows: Sequence[Agreement], variants: Mapping[str, Variant] = VARIANTS) -> str:
    """The table with its title and note; empty without rows."""
    if not rows:
        return ""
    table = as_table(rows, variants)
    return f"{table.caption}\n\n{tables.as_markdown(table)}\n\n{table.note}\n"


def write(rows: Sequence[Agreement], counts: Sequence[Mapping[str, object]], folder: Path) -> list[Path]:
    """Write agreement.csv and counts.csv, which has the cells of each image; without rows, write nothing.

    Returns:
        Paths of the files.
    """
    if not rows:
        return []
    write_whole(folder / "agreement.csv", to_csv(map(asdict, rows)).encode())
    write_whole(folder / "counts.csv", to_csv(counts).encode())
    return [folder / "agreement.csv", folder / "counts.csv"]


def counts_by_image(
    found: Found, initial: Mapping[str, Boxes], classes: Sequence[str] = (CELL_NAME,)
) -> list[dict[str, object]]:
    """The number of cells of each image: the initial labels, then the detections of each row.

    Args:
        found: detections of the rows.
        initial: initial weak labels by image name, in the same order.
        classes: names of the classes; if there are several, each count is followed by those of the classes.
    """
    several = len({seed for _, seed in found}) > 1
    names = {key: f"{key[0]} (seed {key[1]})" if several else key[0] for key in found}
    return [
        {"image": image}
        | _counts("initial labels", boxes, classes)
        | {name: count for key in found for name, count in _counts(names[key], found[key][index], classes).items()}
        for index, (image, boxes) in enumerate(initial.items())
    ]


def _counts(name: str, boxes: Boxes, classes: Sequence[str]) -> dict[str, object]:
    counts: dict[str, object] = {name: len(boxes)}
    if len(classes) > 1:
        counts |= {f"{name}, {one}": int((boxes.labels == label).sum()) for label, one in enumerate(classes, start=1)}
    return counts


def _percent(values: Iterable[float]) -> Cell:
    known = [value for value in values if not math.isnan(value)]
    return Cell(f"{100 * fmean(known):.1f}", 100 * fmean(known)) if known else Cell("-", None)
