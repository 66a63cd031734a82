"""The table of the shares of the headroom: as CSV, JSON, Markdown, and for the terminal."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path

from rich.box import SIMPLE
from rich.table import Table

from sissi.config.variants import ORACLE, VARIANTS, WEAK_ONLY, Variant
from sissi.evaluation.bootstrap import COVERAGE, RESAMPLES
from sissi.evaluation.headroom import HEADROOM_METRICS, Share, Shares, records
from sissi.results.scores import short
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
    rows, buffer = records(found), io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def as_json(found: Shares) -> str:
    """A list of objects; null where there is no share or no interval."""
    return json.dumps(records(found), indent=1) + "\n"


def as_markdown(found: Shares, variants: Mapping[str, Variant] = VARIANTS) -> str:
    """A row a variant, two columns a reader; "" where there are no shares."""
    if not found:
        return ""
    header, body = grid(found, variants)
    lines = [" | ".join(header), " | ".join("---" if i < 1 else "---:" for i in range(len(header)))]
    lines += [" | ".join(cells) for cells in body]
    return "\n".join([f"{TITLE}:", "", *(f"| {line} |" for line in lines), "", caption(found), ""])


def as_rich(found: Shares, variants: Mapping[str, Variant] = VARIANTS) -> Table:
    """The same for the terminal."""
    header, body = grid(found, variants, between="\n")
    table = Table(
        title=TITLE, caption=caption(found), caption_justify="left", box=SIMPLE, padding=(0, 1, 0, 0), show_edge=False
    )
    for index, name in enumerate(header):
        table.add_column(name, justify="left" if index == 0 else "right", no_wrap=index > 0)
    for cells in body:
        table.add_row(*cells)
    return table


def grid(
    found: Shares, variants: Mapping[str, Variant] = VARIANTS, between: str = " "
) -> tuple[list[str], list[list[str]]]:
    """Header and cells."""
    columns = [
        (reader, metric) for reader in dict.fromkeys(reader for _, reader, _ in found) for metric in HEADROOM_METRICS
    ]
    body = [
        [variants[name].title, *(text(found.get((name, *column)), between) for column in columns)]
        for name in named(found, variants)
    ]
    return ["variant", *(f"{short(reader)} {metric}" for reader, metric in columns)], body


def named(found: Shares, variants: Mapping[str, Variant] = VARIANTS) -> list[str]:
    """The variants that have shares, in their order."""
    present = {variant for variant, _, _ in found}
    return [name for name in variants if name in present]


def text(one: Share | None, between: str = " ") -> str:
    """Such as `47 [12, 81]`, in percent; `-` where there is no share, `[-]` where there is no interval."""
    if one is None or math.isnan(one.value):
        return "-"
    ends = "-" if math.isnan(one.low) else f"{100 * one.low:.0f}, {100 * one.high:.0f}"
    return f"{100 * one.value:.0f}{between}[{ends}]"


def caption(found: Shares) -> str:
    """What the numbers are."""
    seeds = max(one.seeds for one in found.values())
    told = (
        f"(variant - {WEAK_ONLY}) / ({ORACLE} - {WEAK_ONLY}), with its {COVERAGE:.0%} interval: paired bootstrap "
        f"over test images{' and seeds' if seeds > 1 else ''}, {RESAMPLES} resamples"
    )
    if any(math.isnan(one.value) for one in found.values()):
        told += f". -: {ORACLE} is not above {WEAK_ONLY}, so there is no headroom"
    if any(math.isnan(one.low) and not math.isnan(one.value) for one in found.values()):
        told += f". [-]: no interval, since more than {1 - COVERAGE:.0%} of the resamples have no headroom"
    return f"{told}."
