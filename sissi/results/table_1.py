"""Table 1: a row for each variant, seed and reader; as CSV, JSON, Markdown, and for the terminal."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from sissi.config.variants import ORACLE, REFERENCES, VARIANTS, Variant
from sissi.evaluation.metrics import METRICS, TABLE_METRICS
from sissi.results.scores import Row, best, percent, short, summarise
from sissi.runtime.files import write_whole


def write(rows: Sequence[Row], folder: Path, more: str = "", variants: Mapping[str, Variant] = VARIANTS) -> list[Path]:
    """Write table.csv, table.json and table.md to a folder; fractions in the first two, percent in the last.

    Args:
        rows: of all variants, seeds and readers.
        folder: made if it is missing.
        more: Markdown that table.md ends with.
        variants: what the rows are, by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    markdown = "\n".join([as_markdown(rows, variants), *([more] if more else [])])
    for name, text in (("table.csv", as_csv(rows)), ("table.json", as_json(rows)), ("table.md", markdown)):
        write_whole(folder / name, text.encode())
        written.append(folder / name)
    return written


def as_csv(rows: Sequence[Row]) -> str:
    """With a header line; full precision, so that equal tables are equal files."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return buffer.getvalue()


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


def as_markdown(rows: Sequence[Row], variants: Mapping[str, Variant] = VARIANTS) -> str:
    """The shape of table 1: a row a variant, four columns a reader, in percent, the best bold, reference rows aside."""
    header, body = _grid(rows, variants, bold="**", between=" ± ")
    lines = [" | ".join(header), " | ".join("---" if i < 2 else "---:" for i in range(len(header)))]
    lines += [" | ".join(cells) for cells in body]
    return "\n".join([*(f"| {line} |" for line in lines), "", caption(rows, variants), ""])


def as_rich(rows: Sequence[Row], variants: Mapping[str, Variant] = VARIANTS) -> Table:
    """The same for the terminal."""
    header, body = _grid(rows, variants, bold="", between="\n±")
    table = Table(
        title="Table 1 for this run, in %",
        caption=caption(rows, variants),
        caption_justify="left",
        box=SIMPLE,
        padding=0,
        show_edge=False,
    )
    for index, name in enumerate(header):
        table.add_column(name.replace(" ", "\n"), justify="left" if index == 0 else "right", no_wrap=index > 0)
    kinds = [(name in REFERENCES, name in VARIANTS) for name in dict.fromkeys(row.variant for row in rows)]
    for cells, kind, following in zip(body, kinds, [*kinds[1:], None], strict=True):
        table.add_row(*cells, end_section=kind != following)
    return table


def _grid(
    rows: Sequence[Row], variants: Mapping[str, Variant], bold: str, between: str
) -> tuple[list[str], list[list[str]]]:
    summaries = summarise(rows)
    marked = best(summaries)
    readers = list(dict.fromkeys(row.reader for row in rows))
    header = ["variant", "start", *(f"{short(reader)} {metric}" for reader in readers for metric in TABLE_METRICS)]
    body = []
    for variant in dict.fromkeys(row.variant for row in rows):
        cells = [variants[variant].title, starts(rows, variant)]
        for key in ((variant, reader, metric) for reader in readers for metric in TABLE_METRICS):
            mark = bold if key in marked else ""
            cells.append(f"{mark}{percent(summaries[key], between)}{mark}")
        body.append(cells)
    return header, body


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
