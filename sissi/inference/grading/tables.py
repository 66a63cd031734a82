"""Tables of grades and of cells, for CSV files and for the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sissi.boxes import as_lists
from sissi.inference.grading.iso import WORDS
from sissi.inference.grading.units import Graded
from sissi.inference.grading.wells import Well
from sissi.inference.outputs import PredictionSet
from sissi.runtime.tables import Cell, Table, Value, row_of

CELL_COLUMNS = (
    *("image", "plate", "well", "class", "score", "x0", "y0", "x1", "y1"),
    *("centre_x", "centre_y", "width", "height"),
)
"""Columns of cells.csv."""
NOTE = (
    "Viability: living cells among living and affected ones, in %, with its 95 % interval. Grade: 0 to 4, in brackets "
    "those of the interval where they differ."
)


def grade_records(graded: Sequence[Graded], classes: Sequence[str]) -> list[dict[str, Value]]:
    """The record of each unit, for grades.csv; shares are fractions, None where they are unknown."""
    return [_record(one, classes) for one in graded]


def cell_records(found: PredictionSet, wells: Mapping[str, Well]) -> list[dict[str, Value]]:
    """The record of each counted cell, for cells.csv; px of the image file."""
    records: list[dict[str, Value]] = []
    for sample in found.samples:
        well, boxes = wells[sample.name], sample.boxes
        for corners, score, label in zip(*as_lists(boxes), strict=True):
            x0, y0, x1, y1 = corners
            values: tuple[Value, ...] = (
                *(sample.name, well.plate, well.name, found.classes[label - 1], score, x0, y0, x1, y1),
                *((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0),
            )
            records.append(dict(zip(CELL_COLUMNS, values, strict=True)))
    return records


def grade_table(name: str, caption: str, graded: Sequence[Graded], classes: Sequence[str]) -> Table:
    """A row for each unit of one level."""
    doses = any(one.unit.well.dose is not None for one in graded)
    controls = any(one.unit.well.control for one in graded)
    header = [name, *(["dose"] if doses else []), *(["control"] if controls else []), *classes, "viability", "grade"]
    rows = []
    for one in graded:
        well, counts = one.unit.well, one.counts[0].tolist()
        given = [_dose(well)] if doses else []
        given += row_of(well.control) if controls else []
        result = [_viability(one), _grade(one), Cell(WORDS[one.verdict], one.verdict, one.verdict == "borderline")]
        rows.append([*row_of(one.unit.title), *given, *row_of(*counts), *result])
    return Table(f"{name}s", caption, [*header, "verdict"], rows, grade_records(graded, classes), NOTE)


def percent(value: float, low: float, high: float) -> str:
    """A share with its interval in percent."""
    return "-" if math.isnan(value) else f"{100 * value:.0f} [{100 * low:.0f}, {100 * high:.0f}]"


def _record(one: Graded, classes: Sequence[str]) -> dict[str, Value]:
    unit, value = one.unit, one.viability
    known = [one for one in value.detectors if not math.isnan(one)] if len(value.detectors) > 1 else []
    return {
        "level": unit.level,
        "plate": unit.well.plate,
        "well": unit.well.name,
        "image": unit.images[0] if unit.level == "image" else "",
        "dose": unit.well.dose,
        "unit": unit.well.unit,
        "control": unit.well.control,
        "images": len(unit.images),
        **dict(zip(classes, one.counts[0].tolist(), strict=True)),
        "cells": int(one.counts[0].sum()),
        "viability": _known(value.value),
        "viability_low": _known(value.low),
        "viability_high": _known(value.high),
        "counted_viability": _known(value.counted),
        "counting_low": _known(value.counting_low),
        "counting_high": _known(value.counting_high),
        "detectors_low": min(known, default=None),
        "detectors_high": max(known, default=None),
        "grade": one.grade,
        "grade_best": one.grades[0],
        "grade_worst": one.grades[1],
        "verdict": one.verdict,
        "problem": one.problem,
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _dose(well: Well) -> Cell:
    return Cell("-", None) if well.dose is None else Cell(f"{well.dose:g} {well.unit}".strip(), well.dose)


def _viability(one: Graded) -> Cell:
    return Cell(percent(one.viability.value, one.viability.low, one.viability.high), _known(one.viability.value))


def _grade(one: Graded) -> Cell:
    if one.grade is None:
        return Cell("-", None)
    best, worst = one.grades
    return Cell(f"{one.grade}" if best == worst else f"{one.grade} [{best}, {worst}]", one.grade)
