"""The results of the benchmarks as JSON and as a Markdown table, with machine and versions."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.row import Figure, Row

PACKAGES = ("torch", "torchvision", "numpy", "opencv-python-headless", "numba", "mlflow")


def write(rows: Sequence[Row], figures: Sequence[Figure], folder: Path) -> None:
    """Write results.json and results.md to a folder."""
    kept = [asdict(row) | {"median": row.median, "reached": row.reached} for row in rows]
    content = {"machine": machine(), "rows": kept, "figures": figures}
    (folder / "results.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (folder / "results.md").write_text(markdown(rows, figures, machine()), encoding="utf-8")


def markdown(rows: Sequence[Row], figures: Sequence[Figure], measured_on: str) -> str:
    """A table of comparisons and one of figures, with a line each."""
    head = "| what | against | median | lowest - highest | goal | | here | there | limited by |\n"
    rule = "|---|---|---:|---:|---:|---|---:|---:|---|\n"
    table = head + rule + "".join(f"{_cells(row)}\n" for row in rows)
    if figures:
        table += "\n| what | value | |\n|---|---:|---|\n"
        table += "".join(f"| {what} | {value:.3f} | {unit} |\n" for what, value, unit in figures)
    return f"{table}\n{measured_on}\n"


def line(row: Row) -> str:
    """A row for the terminal."""
    spread = f"{min(row.values):.3f} - {max(row.values):.3f}"
    verdict = "reached" if row.reached else "NOT reached"
    return f"{row.median:6.3f}{_unit(row)} ({spread}), goal {row.goal:g}: {verdict}. {row.what}; against {row.against}"


def machine(packages: Sequence[str] = PACKAGES) -> str:
    """What the figures were measured on; packages that are not installed go unmentioned."""
    versions = ", ".join(f"{name} {found}" for name in packages if (found := _version(name)))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"Measured on {date.today():%d %B %Y}: {cores} cores of {_processor()}, {platform.system()}, "
        f"Python {platform.python_version()}, {versions}. Load before: {_load()}."
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


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f} processes" if hasattr(os, "getloadavg") else "unknown"
