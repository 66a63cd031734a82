"""The results of the benchmarks as JSON and as Markdown tables, with machine and versions."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.row import Figure, Row

PACKAGES = ("torch", "torchvision", "numpy", "opencv-python-headless", "numba", "mlflow")
Result = dict[str, Any]
"""What a benchmark gave: `machine`, `load` before it, `rows` and `figures`."""


def result(rows: Sequence[Row], figures: Sequence[Figure], load_before: str) -> Result:
    """What a benchmark gave, with a load of the machine before it began."""
    kept = [asdict(row) | {"median": row.median, "reached": row.reached} for row in rows]
    return {"machine": _described(PACKAGES), "load": load_before, "rows": kept, "figures": list(figures)}


def add(name: str, given: Result, folder: Path, order: Sequence[str]) -> None:
    """Put the result of a benchmark in the place of its earlier one in results.json and results.md of a folder.

    Args:
        name: name of the benchmark.
        given: its result.
        folder: folder of both files.
        order: names of all benchmarks in the order of the tables; results of others are dropped.
    """
    file = folder / "results.json"
    found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    found[name] = given
    kept = {one: found[one] for one in order if one in found}
    file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    (folder / "results.md").write_text(markdown(kept), encoding="utf-8")


def markdown(results: Mapping[str, Result]) -> str:
    """A table of comparisons and one of figures, with a line each, and on what each benchmark was measured."""
    head = "| what | against | median | lowest - highest | goal | | here | there | limited by |\n"
    rule = "|---|---|---:|---:|---:|---|---:|---:|---|\n"
    rows = [_row(entry) for one in results.values() for entry in one["rows"]]
    figures = [figure for one in results.values() for figure in one["figures"]]
    table = head + rule + "".join(f"{_cells(row)}\n" for row in rows)
    if figures:
        table += "\n| what | value | |\n|---|---:|---|\n"
        table += "".join(f"| {what} | {value:.3f} | {unit} |\n" for what, value, unit in figures)
    machines: dict[str, list[str]] = {}
    for name, one in results.items():
        machines.setdefault(one["machine"], []).append(f"`{name}` ({one['load']})")
    told = (f"\n{where}. With the load before each: {', '.join(names)}.\n" for where, names in machines.items())
    return table + "".join(told)


def _row(entry: Mapping[str, Any]) -> Row:
    return Row(**{field.name: entry[field.name] for field in fields(Row)})


def line(row: Row) -> str:
    """A row for the terminal."""
    spread = f"{min(row.values):.3f} - {max(row.values):.3f}"
    verdict = "reached" if row.reached else "NOT reached"
    return f"{row.median:6.3f}{_unit(row)} ({spread}), goal {row.goal:g}: {verdict}. {row.what}; against {row.against}"


def machine(packages: Sequence[str] = PACKAGES) -> str:
    """What the figures were measured on; packages that are not installed go unmentioned."""
    return f"{_described(packages)}. Load before: {load()}."


def _described(packages: Sequence[str]) -> str:
    versions = ", ".join(f"{name} {found}" for name in packages if (found := _version(name)))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"Measured on {date.today():%d %B %Y}: {cores} cores of {_processor()}, {platform.system()}, "
        f"Python {platform.python_version()}, {versions}"
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cells(row: Row) -> str:
    cells = (
        row.what,
        row.against,
        f"**{row.median:.3f}**{_unit(row)}",
        f"{min(row.values):.3f} - {max(row.values):.3f}" if len(row.values) > 1 else "one repeat",
        f"{row.goal:g}",
        "reached" if row.reached else "**missed**",
        f"{row.ours:.3g} {row.measured_in}",
        f"{row.theirs:.3g} {row.measured_in}",
        row.limited_by,
    )
    return f"| {' | '.join(cells)} |"


def _unit(row: Row) -> str:
    return f" {row.unit}" if row.unit else ""


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    named = [entry.partition(":")[2].strip() for entry in lines if entry.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def load() -> str:
    """Number of processes that ran or waited to run in the last minute."""
    return f"{os.getloadavg()[0]:.1f} processes" if hasattr(os, "getloadavg") else "unknown"
