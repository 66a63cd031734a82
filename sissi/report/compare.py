"""Comparison of ablations: their scores in one table, and the settings in which they differ."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from sissi.config.load import flatten
from sissi.config.variants import REFERENCES
from sissi.errors import SissiError
from sissi.evaluation.metrics import TABLE_METRICS
from sissi.results import headroom_table
from sissi.results.class_table import columns_of, score_cell
from sissi.results.scores import Summary, short, summarise
from sissi.results.stored_ablation import StoredAblation, read_ablation
from sissi.results.table_1 import score_cells, starts
from sissi.runtime.tables import Cell, Table, TerminalTable, as_csv, as_markdown
from sissi.tracking import open_existing_store


def compare_runs(runs: Sequence[str], folder: Path, out: Path | None) -> list[TerminalTable]:
    """Tables for the terminal with scores, runs and differing settings of ablations.

    Args:
        runs: two or more ids of ablations' runs, or `latest`.
        folder: folder of tracking, with the store of the runs.
        out: folder for compare.md, compare.json and one CSV file per table, or None.

    Raises:
        SissiError: fewer than two runs, or more than there are letters.
        TrackingError: a run does not exist or is not an ablation.
    """
    if not 2 <= len(runs) <= len(ascii_uppercase):
        raise SissiError(f"compare needs 2 to {len(ascii_uppercase)} ablations, not {len(runs)}")
    store = open_existing_store(folder)
    records = {letter: read_ablation(store, run) for letter, run in zip(ascii_uppercase, runs, strict=False)}
    tables = [scores(records), *classes(records), *headroom(records), legend(records), settings(records)]
    if out is not None:
        _write(tables, out)
    return [TerminalTable(table) for table in tables]


def scores(records: dict[str, StoredAblation]) -> Table:
    """Table with one row per variant and ablation; the best of each column is bold, without the reference rows."""
    summaries = {letter: summarise(record.rows) for letter, record in records.items()}
    columns = list(dict.fromkeys((reader, metric) for many in summaries.values() for _, reader, metric in many))
    columns.sort(key=lambda column: TABLE_METRICS.index(column[1]))
    readers = list(dict.fromkeys(reader for reader, _ in columns))
    columns.sort(key=lambda column: readers.index(column[0]))
    marked = _highest(summaries, columns)
    rows = []
    for variant in dict.fromkeys(name for record in records.values() for name in record.known):
        for letter, record in records.items():
            if any(row.variant == variant for row in record.rows):
                title, start = record.known[variant].title, starts(record.rows, variant)
                cells = score_cells(variant, record.rows, columns, marked[letter])
                rows.append([Cell(title, title), Cell(letter, letter), Cell(start, start), *cells])
    header = ["variant", "run", "start", *(f"{short(reader)} {metric}" for reader, metric in columns)]
    caption = "Table 1 of each run, in %; with several seeds mean ± standard deviation."
    return Table("compare", caption, header, rows, keys=3)


def _highest(
    summaries: Mapping[str, Mapping[tuple[str, str, str], Summary]], columns: Sequence[tuple[str, str]]
) -> dict[str, set[tuple[str, str, str]]]:
    """Cells with the highest mean of their column over all runs, by letter, without the reference rows."""
    means = {
        (letter, key): summary.mean
        for letter, of_run in summaries.items()
        for key, summary in of_run.items()
        if key[0] not in REFERENCES and not math.isnan(summary.mean)
    }
    top = {
        column: max((mean for (_, key), mean in means.items() if key[1:] == column), default=0) for column in columns
    }
    return {
        letter: {key for (run, key), mean in means.items() if run == letter and mean == top[key[1:]]}
        for letter in summaries
    }


def classes(records: dict[str, StoredAblation]) -> list[Table]:
    """Table of the AP of each class, one row per variant and ablation; none where every run has one class."""
    rows_of = {letter: record.class_rows for letter, record in records.items()}
    columns = list(dict.fromkeys(column for rows in rows_of.values() for column in columns_of(rows)))
    rows = []
    for variant in dict.fromkeys(name for record in records.values() for name in record.known):
        for letter, record in records.items():
            mine = [row for row in rows_of[letter] if row.variant == variant]
            if mine:
                title = record.known[variant].title
                by_column = ([row for row in mine if (row.reader, row.score.name) == column] for column in columns)
                rows.append([Cell(title, title), Cell(letter, letter), *(score_cell(some, "AP") for some in by_column)])
    header = ["variant", "run", *(f"{short(reader)} {name}" for reader, name in columns)]
    return [Table("classes", "AP of each class of each run, in %.", header, rows, keys=2)] if rows else []


def headroom(records: dict[str, StoredAblation]) -> list[Table]:
    """Table of the shares of the headroom, one row per variant and ablation; no table without shares."""
    shares = {letter: record.shares for letter, record in records.items()}
    columns = list(dict.fromkeys((reader, metric) for many in shares.values() for _, reader, metric in many))
    rows = []
    for variant in dict.fromkeys(name for record in records.values() for name in record.known):
        for letter, record in records.items():
            if any((variant, *column) in shares[letter] for column in columns):
                title = record.known[variant].title
                cells = headroom_table.share_cells(shares[letter], variant, columns)
                rows.append([Cell(title, title), Cell(letter, letter), *cells])
    header = ["variant", "run", *(f"{short(reader)} {metric}" for reader, metric in columns)]
    caption = f"{headroom_table.TITLE}, of each run with its 95 % interval."
    return [Table("headroom", caption, header, rows, keys=2)] if rows else []


def legend(records: dict[str, StoredAblation]) -> Table:
    """Table of the runs and their letters."""
    rows = [
        [Cell(value, value) for value in (letter, record.run.id, record.experiment.name, record.run.status.lower())]
        for letter, record in records.items()
    ]
    return Table("runs", "The runs.", ["run", "id", "experiment", "status"], rows)


def settings(records: dict[str, StoredAblation]) -> Table:
    """Table of the settings in which the ablations differ."""
    flat = {letter: flatten(record.experiment) for letter, record in records.items()}
    keys = list(dict.fromkeys(key for of_run in flat.values() for key in of_run))
    differing = [key for key in keys if len({repr(of_run.get(key)) for of_run in flat.values()}) > 1]
    rows = [[Cell(key, key), *(_setting(of_run.get(key)) for of_run in flat.values())] for key in differing]
    caption = "Settings that differ." if rows else "The settings are the same."
    return Table("settings", caption, ["key", *records], rows)


def _setting(value: Any) -> Cell:
    text = "-" if value is None else value if isinstance(value, str) else json.dumps(value)
    return Cell(text, text)


def _write(tables: Sequence[Table], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(f"{table.caption}\n\n{as_markdown(table)}" for table in tables)
    (out / "compare.md").write_text(text + "\n", encoding="utf-8")
    for table in tables:
        (out / f"{table.name}.csv").write_text(as_csv(table), encoding="utf-8")
    content = {table.name: table.records() for table in tables}
    (out / "compare.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
