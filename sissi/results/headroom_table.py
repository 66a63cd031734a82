"""The table of the shares of the headroom: as a table, CSV, JSON and Markdown."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sissi.config.variants import ORACLE, VARIANTS, WEAK_ONLY, Variant
from sissi.evaluation.bootstrap import COVERAGE, RESAMPLES
from sissi.evaluation.headroom import HEADROOM_METRICS, Share, Shares, records
from sissi.results import tables
from sissi.results.scores import short
from sissi.results.tables import Cell, Table
from sissi.runtime.csv_records import to_csv
from sissi.runtime.files import write_whole

TITLE = "Share of the headroom, in %"


def write(found: Shares, folder: Path) -> list[Path]:
    """Write headroom.csv and headroom.json, fractions at full precision; nothing where there are no shares."""
    if not found:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in (("headroom.csv", as_csv(found)), ("headroom.json", as_json(found))):
        write_whole(folder / name, text.encode())
        written.append(folder / name)
    return written


def as_csv(found: Shares) -> str:
    """With a header line."""
    return to_csv(records(found))


def as_json(found: Shares) -> str:
    """A list of objects; null where there is no share or no interval."""
    return json.dumps(records(found), indent=1) + "\n"


def as_table(found: Shares, variants: Mapping[str, Variant] = VARIANTS) -> Table:
    """A row a variant, two columns a reader; bold where the interval lies above 0."""
    columns = columns_of(found)
    names = [name for name in variants if name in {variant for variant, _, _ in found}]
    return Table(
        "headroom",
        f"{TITLE}.",
        ["variant", *(f"{short(reader)} {metric}" for reader, metric in columns)],
        [[Cell(variants[name].title, variants[name].title), *share_cells(found, name, columns)] for name in names],
        data=[_in_percent(one) for one in records(found)],
        note=caption(found),
    )


def columns_of(found: Shares) -> list[tuple[str, str]]:
    """Reader and metric of each column."""
    return [
        (reader, metric) for reader in dict.fromkeys(reader for _, reader, _ in found) for metric in HEADROOM_METRICS
    ]


def share_cells(found: Shares, variant: str, columns: Sequence[tuple[str, str]]) -> list[Cell]:
    """A variant's shares, in percent."""
    cells = []
    for one in (found.get((variant, *column)) for column in columns):
        value = None if one is None or math.isnan(one.value) else 100 * one.value
        cells.append(Cell(text(one), value, bold=one is not None and one.low > 0))
    return cells


def _in_percent(record: dict[str, Any]) -> dict[str, Any]:
    percent = ("value", "low", "high", "undefined")
    return {key: 100 * value if key in percent and value is not None else value for key, value in record.items()}


def as_markdown(found: Shares, variants: Mapping[str, Variant] = VARIANTS) -> str:
    """The table with its title and what the numbers are; "" where there are no shares."""
    if not found:
        return ""
    table = as_table(found, variants)
    return f"{TITLE}:\n\n{tables.as_markdown(table)}\n\n{table.note}\n"


def text(one: Share | None) -> str:
    """Such as `47 [12, 81]`, in percent; `-` where there is no share, `[-]` where there is no interval."""
    if one is None or math.isnan(one.value):
        return "-"
    ends = "-" if math.isnan(one.low) else f"{100 * one.low:.0f}, {100 * one.high:.0f}"
    return f"{100 * one.value:.0f} [{ends}]"


def caption(found: Shares) -> str:
    """What the numbers are."""
    seeds = max(one.seeds for one in found.values())
    told = (
        f"(variant - {WEAK_ONLY}) / ({ORACLE} - {WEAK_ONLY}), with its {COVERAGE:.0%} interval: paired bootstrap "
        f"over test images{' and seeds' if seeds > 1 else ''}, {RESAMPLES} resamples; bold: the interval lies above 0"
    )
    if any(math.isnan(one.value) for one in found.values()):
        told += f". -: {ORACLE} is not above {WEAK_ONLY}, so there is no headroom"
    if any(math.isnan(one.low) and not math.isnan(one.value) for one in found.values()):
        told += f". [-]: no interval, since more than {1 - COVERAGE:.0%} of the resamples have no headroom"
    return f"{told}."
