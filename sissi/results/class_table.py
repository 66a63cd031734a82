"""Scores of each class by variant, seed and reader, as tables, CSV, JSON and Markdown."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import fmean
from typing import Any

from sissi.config.variants import VARIANTS, Variant
from sissi.evaluation.class_scores import ClassScore
from sissi.results.scores import short
from sissi.runtime import tables
from sissi.runtime.csv_records import to_csv
from sissi.runtime.files import write_whole
from sissi.runtime.tables import Cell, Table

SHOWN = ("AP50", "AP")
"""Metrics with a table of their own."""
NOTE = (
    "A cell counts for its own class alone; mean: over the classes that a reader names, COCO's mAP. Table 1 has the "
    "scores of cells whatever their classes. In brackets: 95 % interval of the first seed, by a bootstrap over images."
)


@dataclass(frozen=True)
class ClassRow:
    """Scores of a class, or of the mean over classes, of a variant for one seed and reader."""

    variant: str
    seed: int
    reader: str
    score: ClassScore


def records(rows: Sequence[ClassRow]) -> list[dict[str, Any]]:
    """Record of each row, at full precision; None in place of NaN."""
    return [
        {"variant": row.variant, "seed": row.seed, "reader": row.reader}
        | {
            "class" if key == "name" else key: None if isinstance(value, float) and math.isnan(value) else value
            for key, value in asdict(row.score).items()
        }
        for row in rows
    ]


def from_records(entries: Sequence[Mapping[str, Any]]) -> list[ClassRow]:
    """Rows from records that `records` returned."""
    rows = []
    for entry in entries:
        values = {field.name: entry[field.name] for field in fields(ClassScore) if field.name != "name"}
        known: dict[str, Any] = {key: math.nan if value is None else value for key, value in values.items()}
        score = ClassScore(entry["class"], **known)
        rows.append(ClassRow(entry["variant"], entry["seed"], entry["reader"], score))
    return rows


def write(rows: Sequence[ClassRow], folder: Path) -> list[Path]:
    """Write classes.csv and classes.json, with fractions at full precision; without rows, write nothing.

    Returns:
        Paths of the files.
    """
    if not rows:
        return []
    contents = {"classes.csv": to_csv(records(rows)), "classes.json": json.dumps(records(rows), indent=1) + "\n"}
    for name, text in contents.items():
        write_whole(folder / name, text.encode())
    return [folder / name for name in contents]


def as_tables(rows: Sequence[ClassRow], variants: Mapping[str, Variant] = VARIANTS) -> list[Table]:
    """A table for each of `SHOWN`: a row for each variant, a column for each reader and class; none without rows."""
    return [_table(rows, metric, variants) for metric in SHOWN] if rows else []


def as_markdown(rows: Sequence[ClassRow], variants: Mapping[str, Variant] = VARIANTS) -> str:
    """The tables as Markdown; empty without rows."""
    parts = [f"{table.caption}\n\n{tables.as_markdown(table)}\n" for table in as_tables(rows, variants)]
    return "\n".join([*parts, f"{NOTE}\n"]) if parts else ""


def columns_of(rows: Sequence[ClassRow]) -> list[tuple[str, str]]:
    """Reader and class of each column."""
    return list(dict.fromkeys((row.reader, row.score.name) for row in rows))


def score_cell(rows: Sequence[ClassRow], metric: str) -> Cell:
    """A score in percent: the mean over the seeds of rows of one variant, reader and class."""
    known = [value for row in rows if not math.isnan(value := getattr(row.score, metric))]
    if not known:
        return Cell("-", None)
    ends = (getattr(rows[0].score, f"{metric}_low"), getattr(rows[0].score, f"{metric}_high"))
    interval = "" if any(map(math.isnan, ends)) else f" [{100 * ends[0]:.0f}, {100 * ends[1]:.0f}]"
    return Cell(f"{100 * fmean(known):.1f}{interval}", 100 * fmean(known))


def _table(rows: Sequence[ClassRow], metric: str, variants: Mapping[str, Variant]) -> Table:
    columns = columns_of(rows)
    lines = []
    for name in dict.fromkeys(row.variant for row in rows):
        mine = [row for row in rows if row.variant == name]
        cells = [score_cell([row for row in mine if (row.reader, row.score.name) == key], metric) for key in columns]
        lines.append([Cell(variants[name].title, variants[name].title), *cells])
    header = ["variant", *(f"{short(reader)} {name}" for reader, name in columns)]
    return Table(f"classes_{metric}", f"{metric} of each class, in %.", header, lines, records(rows), NOTE)
