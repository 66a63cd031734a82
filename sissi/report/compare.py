"""Table 1 of several ablations in one, and what differs in their settings."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from rich.console import Group

from sissi.config.load import flatten
from sissi.config.variants import REFERENCES
from sissi.errors import SissiError
from sissi.evaluation.headroom import Share
from sissi.evaluation.metrics import TABLE_METRICS
from sissi.results import headroom_table
from sissi.results.scores import percent, short, summarise
from sissi.results.stored_ablation import AblationRecord, read_ablation
from sissi.results.table_1 import starts
from sissi.results.tables import Cell, Table, as_csv, as_rich, table_as_markdown
from sissi.tracking import open_store


def compare_runs(runs: Sequence[str], folder: Path, out: Path | None) -> list[Group]:
    """Scores, runs and differing settings of ablations, for the terminal.

    Args:
        runs: two or more ids of ablations' runs, or `latest`.
        folder: the tracking folder that holds their store.
        out: also write compare.md, compare.json and a CSV file a table to this folder.

    Raises:
        SissiError: fewer than two runs, or too many to name.
        TrackingError: a run does not exist or is no ablation.
    """
    if not 2 <= len(runs) <= len(ascii_uppercase):
        raise SissiError(f"compare takes 2 to {len(ascii_uppercase)} ablations, not {len(runs)}")
    store = open_store(folder)
    records = {letter: read_ablation(store, run) for letter, run in zip(ascii_uppercase, runs, strict=False)}
    tables = [scores(records), *headroom(records), legend(records), settings(records)]
    if out is not None:
        _write(tables, out)
    return [as_rich(table) for table in tables]


def scores(records: dict[str, AblationRecord]) -> Table:
    """A line for each variant and ablation; the best of each column bold, reference rows aside."""
    summaries = {letter: summarise(record.rows) for letter, record in records.items()}
    columns = list(dict.fromkeys((reader, metric) for many in summaries.values() for _, reader, metric in many))
    columns.sort(key=lambda column: TABLE_METRICS.index(column[1]))
    readers = list(dict.fromkeys(reader for reader, _ in columns))
    columns.sort(key=lambda column: readers.index(column[0]))
    highest = {
        column: max(
            (one.mean for many in summaries.values() for (variant, *rest), one in many.items()
             if tuple(rest) == column and variant not in REFERENCES and not math.isnan(one.mean)),
            default=math.nan,
        )
        for column in columns
    }  # fmt: skip
    rows = []
    for variant in dict.fromkeys(name for record in records.values() for name in record.known):
        for letter, record in records.items():
            if any(row.variant == variant for row in record.rows):
                title, start = record.known[variant].title, starts(record.rows, variant)
                line = [Cell(title, title), Cell(letter, letter), Cell(start, start)]
                for column in columns:
                    one = summaries[letter].get((variant, *column))
                    if one is None or math.isnan(one.mean):
                        line.append(Cell("-", None))
                    else:
                        bold = variant not in REFERENCES and one.mean == highest[column]
                        line.append(Cell(percent(one), 100 * one.mean, bold))
                rows.append(line)
    header = ["variant", "run", "start", *(f"{short(reader)} {metric}" for reader, metric in columns)]
    return Table("compare", "Table 1 of each run, in %; with several seeds mean ± standard deviation", header, rows)


def headroom(records: dict[str, AblationRecord]) -> list[Table]:
    """The shares of the headroom, a line for each variant and ablation; no table where no ablation has any."""
    shares = {letter: record.shares for letter, record in records.items()}
    columns = list(dict.fromkeys((reader, metric) for many in shares.values() for _, reader, metric in many))
    rows = []
    for variant in dict.fromkeys(name for record in records.values() for name in record.known):
        for letter, record in records.items():
            mine = [shares[letter].get((variant, *column)) for column in columns]
            if any(mine):
                title = record.known[variant].title
                rows.append([Cell(title, title), Cell(letter, letter), *map(_share, mine)])
    header = ["variant", "run", *(f"{short(reader)} {metric}" for reader, metric in columns)]
    return (
        [Table("headroom", f"{headroom_table.TITLE}, of each run with its 95 % interval", header, rows)] if rows else []
    )


def legend(records: dict[str, AblationRecord]) -> Table:
    """Which run each letter is."""
    rows = [
        [Cell(value, value) for value in (letter, record.run.id, record.experiment.name, record.run.status.lower())]
        for letter, record in records.items()
    ]
    return Table("runs", "The runs", ["run", "id", "experiment", "status"], rows)


def settings(records: dict[str, AblationRecord]) -> Table:
    """The settings in which the ablations differ."""
    flat = {letter: flatten(record.experiment) for letter, record in records.items()}
    keys = list(dict.fromkeys(key for one in flat.values() for key in one))
    differing = [key for key in keys if len({repr(one.get(key)) for one in flat.values()}) > 1]
    rows = [[Cell(key, key), *(_setting(one.get(key)) for one in flat.values())] for key in differing]
    caption = "Settings that differ" if rows else "The settings are the same"
    return Table("settings", caption, ["key", *records], rows)


def _share(one: Share | None) -> Cell:
    known = one is not None and not math.isnan(one.value)
    return Cell(headroom_table.text(one), 100 * one.value if one is not None and known else None)


def _setting(value: Any) -> Cell:
    text = "-" if value is None else value if isinstance(value, str) else json.dumps(value)
    return Cell(text, text)


def _write(tables: Sequence[Table], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(f"{table.caption}.\n\n{table_as_markdown(table)}" for table in tables)
    (out / "compare.md").write_text(text + "\n", encoding="utf-8")
    for table in tables:
        (out / f"{table.name}.csv").write_text(as_csv(table), encoding="utf-8")
    content = {table.name: table.records() for table in tables}
    (out / "compare.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
