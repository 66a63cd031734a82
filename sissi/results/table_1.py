"""Table 1: a row for each variant, seed and reader; as a table, CSV, JSON and Markdown."""

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
from sissi.results import tables
from sissi.results.scores import Row, best, percent, short, summarise
from sissi.results.tables import Cell, Table
from sissi.runtime.csv_records import to_csv
from sissi.runtime.files import write_whole


def write(rows: Sequence[Row], folder: Path, markdown: str | None = None) -> list[Path]:
    """Write table.csv, table.json and table.md to a folder; fractions in the first two, percent in the last.

    Args:
        rows: rows of all variants, seeds and readers.
        folder: folder of the files, made if it is missing.
        markdown: content of table.md; the table where it is left out.
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
    """With a header line; full precision, so that equal tables are equal files."""
    return to_csv(map(asdict, rows), [field.name for field in fields(Row)], missing="nan")


def columns(rows: Sequence[Row]) -> dict[str, list[object]]:
    """A list for each column."""
    return {field.name: [getattr(row, field.name) for row in rows] for field in fields(Row)}


def as_json(rows: Sequence[Row]) -> str:
    """A list of objects; null where there is no score."""
    plain = [
        {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in asdict(row).items()}
        for row in rows
    ]
    return json.dumps(plain, indent=1) + "\n"


def from_json(text: str) -> list[Row]:
    """The rows that `as_json` wrote."""
    entries: list[dict[str, Any]] = json.loads(text)
    return [Row(**entry | {metric: math.nan for metric in METRICS if entry[metric] is None}) for entry in entries]


def as_table(rows: Sequence[Row], variants: Mapping[str, Variant] = VARIANTS) -> Table:
    """The shape of table 1: a row a variant, four columns a reader, in percent, the best bold, reference rows aside."""
    names = list(dict.fromkeys(row.variant for row in rows))
    kinds = [(name in REFERENCES, name in VARIANTS) for name in names]
    columns = columns_of(rows)
    return Table(
        "table_1",
        "Table 1 for this run, in %.",
        ["variant", "start", *(f"{short(reader)} {metric}" for reader, metric in columns)],
        [_line(variant, rows, columns, best(summarise(rows)), variants) for variant in names],
        note=caption(rows, variants),
        keys=2,
        lines_after=frozenset(index for index, (one, other) in enumerate(pairwise(kinds)) if one != other),
    )


def columns_of(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Reader and metric of each column of scores."""
    return [(reader, metric) for reader in dict.fromkeys(row.reader for row in rows) for metric in TABLE_METRICS]


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
    """A variant's scores in percent.

    Args:
        variant: whose.
        rows: of a run.
        columns: reader and metric of each.
        marked: (variant, reader, metric) of the cells that are bold.
    """
    summaries = summarise(rows)
    cells = []
    for key in ((variant, *column) for column in columns):
        one = summaries.get(key)
        known = one is not None and not math.isnan(one.mean)
        cells.append(Cell(percent(one), 100 * one.mean, key in marked) if one and known else Cell("-", None))
    return cells


def as_markdown(rows: Sequence[Row], variants: Mapping[str, Variant] = VARIANTS) -> str:
    """The table, and below it what the numbers are."""
    table = as_table(rows, variants)
    return f"{tables.as_markdown(table)}\n\n{table.note}\n"


def starts(rows: Sequence[Row], variant: str) -> str:
    """The epochs after which a variant's correction began, over all seeds; `-` where it never does."""
    epochs = sorted({row.start_epoch for row in rows if row.variant == variant})
    return "-" if variant in REFERENCES else ", ".join(map(str, epochs))


def lengths(rows: Sequence[Row], variants: Mapping[str, Variant] = VARIANTS) -> str:
    """For how many epochs the variants trained."""
    of = {row.variant: row.epochs for row in rows}
    usual = Counter(of.values()).most_common(1)[0][0]
    others = ", ".join(f"{variants[name].title} {epochs}" for name, epochs in of.items() if epochs != usual)
    return f"{usual} epochs each" + (f" ({others})" if others else "")


def caption(rows: Sequence[Row], variants: Mapping[str, Variant] = VARIANTS) -> str:
    """What the numbers are, and which variants have none."""
    seeds = sorted({row.seed for row in rows})
    first = rows[0]
    told = (
        f"AP and AR with {first.ap_limit} detections an image (COCO's definitions, by sissi.evaluation.coco_curves), "
    )
    told += f"{lengths(rows, variants)}; "
    told += (
        f"seed {seeds[0]}" if len(seeds) == 1 else f"mean ± standard deviation over seeds {', '.join(map(str, seeds))}"
    )
    if any(row.variant == ORACLE for row in rows):
        told += f". {ORACLE}: trained on the reference labels of the training images that have them"
    failed = sorted({f"{variants[row.variant].title}: {row.status}" for row in rows if row.status != "ok"})
    return ". ".join([told, *failed]) + "."
