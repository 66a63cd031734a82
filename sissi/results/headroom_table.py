"""Table of the shares of the headroom, also as CSV, JSON and Markdown."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sissi.config.variants import ORACLE, VARIANTS, WEAK_ONLY, Variant
from sissi.evaluation.bootstrap import COVERAGE, RESAMPLES
from sissi.evaluation.headroom import HEADROOM_METRICS, Share, Shares, records
from sissi.results.scores import short
from sissi.runtime import tables
from sissi.runtime.csv_records import to_csv
from sissi.runtime.files import write_whole
from sissi.runtime.tables import Cell, Table

TITLE = "Share of the headroom, in %"


def write(shares: Shares, folder: Path) -> list[Path]:
    """Write headroom.csv and headroom.json, with fractions at full precision; without shares, write nothing.

    Returns:
        Paths of the files.
    """
    if not shares:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in (("headroom.csv", as_csv(shares)), ("headroom.json", as_json(shares))):
        write_whole(folder / name, text.encode())
        written.append(folder / name)
    return written


def as_csv(shares: Shares) -> str:
    """Shares as CSV with a header line."""
    return to_csv(records(shares))


def as_json(shares: Shares) -> str:
    """Shares as a JSON list of objects; null for a missing share or interval."""
    return json.dumps(records(shares), indent=1) + "\n"


def as_table(shares: Shares, variants: Mapping[str, Variant] = VARIANTS) -> Table:
    """Table with one row per variant and two columns per reader; bold if the interval lies above 0."""
    columns = columns_of(shares)
    names = [name for name in variants if name in {variant for variant, _, _ in shares}]
    return Table(
        "headroom",
        f"{TITLE}.",
        ["variant", *(f"{short(reader)} {metric}" for reader, metric in columns)],
        [[Cell(variants[name].title, variants[name].title), *share_cells(shares, name, columns)] for name in names],
        data=[_in_percent(record) for record in records(shares)],
        note=caption(shares),
    )


def columns_of(shares: Shares) -> list[tuple[str, str]]:
    """Reader and metric of each column."""
    return [
        (reader, metric) for reader in dict.fromkeys(reader for _, reader, _ in shares) for metric in HEADROOM_METRICS
    ]


def share_cells(shares: Shares, variant: str, columns: Sequence[tuple[str, str]]) -> list[Cell]:
    """Cells with the shares of a variant, in percent, for each reader and metric of `columns`."""
    cells = []
    for share in (shares.get((variant, *column)) for column in columns):
        value = None if share is None or math.isnan(share.value) else 100 * share.value
        cells.append(Cell(text(share), value, bold=share is not None and share.low > 0))
    return cells


def _in_percent(record: dict[str, Any]) -> dict[str, Any]:
    percent = ("value", "low", "high", "undefined")
    return {key: 100 * value if key in percent and value is not None else value for key, value in record.items()}


def as_markdown(shares: Shares, variants: Mapping[str, Variant] = VARIANTS) -> str:
    """Table as Markdown with title and caption; empty without shares."""
    if not shares:
        return ""
    table = as_table(shares, variants)
    return f"{TITLE}:\n\n{tables.as_markdown(table)}\n\n{table.note}\n"


def text(share: Share | None) -> str:
    """Share in percent, such as `47 [12, 81]`; `-` without a share, `[-]` in place of a missing interval."""
    if share is None or math.isnan(share.value):
        return "-"
    ends = "-" if math.isnan(share.low) else f"{100 * share.low:.0f}, {100 * share.high:.0f}"
    return f"{100 * share.value:.0f} [{ends}]"


def caption(shares: Shares) -> str:
    """Explanation of the numbers."""
    seeds = max(share.seeds for share in shares.values())
    sentences = (
        f"(variant - {WEAK_ONLY}) / ({ORACLE} - {WEAK_ONLY}), with its {COVERAGE:.0%} interval: paired bootstrap "
        f"over test images{' and seeds' if seeds > 1 else ''}, {RESAMPLES} resamples; bold: the interval lies above 0"
    )
    if any(math.isnan(share.value) for share in shares.values()):
        sentences += f". -: {ORACLE} is not above {WEAK_ONLY}, so there is no headroom"
    if any(math.isnan(share.low) and not math.isnan(share.value) for share in shares.values()):
        sentences += f". [-]: no interval, since more than {1 - COVERAGE:.0%} of the resamples have no headroom"
    return f"{sentences}."
