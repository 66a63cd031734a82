"""Table 1: rows for each variant, seed and reader, as a table, CSV, JSON and Markdown."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from sissi.config.variants import ORACLE, REFERENCES, VARIANTS, Variant
from sissi.evaluation.metrics import METRICS, TABLE_METRICS
from sissi.results.scores import NOBODY, Row, best, percent, short, summarise
from sissi.runtime import tables
from sissi.runtime.csv_records import to_csv
from sissi.runtime.files import write_whole
from sissi.runtime.tables import Cell, Table

UNSCORED = "Nobody has scored these rows: there are no test images with readers (data.target_test)."


def write(rows: Sequence[Row], folder: Path, markdown: str | None = None) -> list[Path]:
    """Write table.csv, table.json and table.md to a folder; fractions in the first two, percent in the last.

    Args:
        rows: rows of all variants, seeds and readers.
        folder: folder of the files; it is created if necessary.
        markdown: content of table.md; None: the table.

    Returns:
        Paths of the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "table.csv": as_csv(rows),
        "table.json": as_json(rows),
        "table.md": as_markdown(rows) if markdown is None else markdown,
    }
    for name, text in contents.items():
        write_whole(folder / name, text.encode())
    return [folder / name for name in contents]


def as_csv(rows: Sequence[Row]) -> str:
    """Rows as CSV with a header line, at full precision, so that equal tables are equal files."""
    return to_csv(map(asdict, rows), [field.name for field in fields(Row)], missing="nan")


def columns(rows: Sequence[Row]) -> dict[str, list[object]]:
    """List of values for each column."""
    return {field.name: [getattr(row, field.name) for row in rows] for field in fields(Row)}


def as_json(rows: Sequence[Row]) -> str:
    """Rows as a JSON list of objects; null for a missing score."""
    plain = [
        {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in asdict(row).items()}
        for row in rows
    ]
    return json.dumps(plain, indent=1) + "\n"


def from_json(text: str) -> list[Row]:
    """Rows from the text that `as_json` returned."""
    entries: list[dict[str, Any]] = json.loads(text)
    return [Row(**entry | {metric: math.nan for metric in METRICS if entry[metric] is None}) for entry in entries]


def as_table(rows: Sequence[Row], variants: Mapping[str, Variant] = VARIANTS) -> Table:
    """Rows in the form of table 1: one row per variant, four columns per reader, in percent.

    The best score of each column is bold, without the reference rows.
    """
    names = list(dict.fromkeys(row.variant for row in rows))
    kinds = [(name in REFERENCES, name in VARIANTS) for name in names]
    columns = columns_of(rows)
    return Table(
        "table_1",
        "Table 1 for this run, in %." if columns else UNSCORED,
        ["variant", "start", *(f"{short(reader)} {metric}" for reader, metric in columns)],
        [_line(variant, rows, columns, best(summarise(rows)), variants) for variant in names],
        note=caption(rows, variants),
        keys=2,
        lines_after=frozenset(index for index, (kind, other) in enumerate(pairwise(kinds)) if kind != other),
    )


def columns_of(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Reader and metric of each column of scores."""
    readers = dict.fromkeys(row.reader for row in rows if row.reader != NOBODY)
    return [(reader, metric) for reader in readers for metric in TABLE_METRICS]


def _line(
    variant: str,
    rows: Sequence[Row],
    columns: Sequence[tuple[str, str]],
    marked: Collection[tuple[str, str, str]],
    variants: Mapping[str, Variant],
) -> list[Cell]:
    title, start = variants[variant].title, starts(rows, variant)
    return [Cell(title, title), Cell(start, start), *score_cells(variant, rows, columns, marked)]


def score_cells(
    variant: str,
    rows: Sequence[Row],
    columns: Sequence[tuple[str, str]],
    marked: Collection[tuple[str, str, str]],
) -> list[Cell]:
    """Cells with the scores of a variant, in percent.

    Args:
        variant: name of the variant.
        rows: rows of a run.
        columns: reader and metric of each column.
        marked: variant, reader and metric of the bold cells.
    """
    summaries = summarise(rows)
    cells = []
    for key in ((variant, *column) for column in columns):
        summary = summaries.get(key)
        if summary is None or math.isnan(summary.mean):
            cells.append(Cell("-", None))
        else:
            cells.append(Cell(percent(summary), 100 * summary.mean, key in marked))
    return cells


def as_markdown(rows: Sequence[Row], variants: Mapping[str, Variant] = VARIANTS) -> str:
    """Table as Markdown, followed by its caption."""
    table = as_table(rows, variants)
    head = "" if columns_of(rows) else f"{UNSCORED}\n\n"
    return f"{head}{tables.as_markdown(table)}\n\n{table.note}\n"


def starts(rows: Sequence[Row], variant: str) -> str:
    """Epochs after which the correction of a variant started, over all seeds; `-` without correction."""
    epochs = sorted({row.start_epoch for row in rows if row.variant == variant})
    return "-" if variant in REFERENCES else ", ".join(map(str, epochs))


def lengths(rows: Sequence[Row], variants: Mapping[str, Variant] = VARIANTS) -> str:
    """Number of epochs of the variants, as text."""
    of = {row.variant: row.epochs for row in rows}
    usual = Counter(of.values()).most_common(1)[0][0]
    others = ", ".join(f"{variants[name].title} {epochs}" for name, epochs in of.items() if epochs != usual)
    return f"{usual} epochs each" + (f" ({others})" if others else "")


def caption(rows: Sequence[Row], variants: Mapping[str, Variant] = VARIANTS) -> str:
    """Explanation of the numbers, and the variants without scores."""
    seeds = ", ".join(map(str, sorted({row.seed for row in rows})))
    several = "," in seeds
    if columns_of(rows):
        sentences = f"AP and AR with {rows[0].ap_limit} detections an image (COCO's definitions, by pycocotools), "
        sentences += f"{lengths(rows, variants)}; "
        sentences += f"mean ± standard deviation over seeds {seeds}" if several else f"seed {seeds}"
    else:
        sentences = f"{lengths(rows, variants).capitalize()}; seed{'s' if several else ''} {seeds}"
    if any(row.variant == ORACLE for row in rows):
        sentences += f". {ORACLE}: trained on the reference labels of the training images that have them"
    failed = sorted({f"{variants[row.variant].title}: {row.status}" for row in rows if row.status != "ok"})
    return ". ".join([sentences, *failed]) + "."
