"""Commands that show what ablations gave."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sissi.cli.app import app
from sissi.cli.options import Out, Tracking, output_folder


@app.command()
def report(
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="Id of an ablation's run; latest.")] = "latest",
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder to write to.", callback=output_folder)
    ] = Path("report"),
    tracking: Tracking = Path("mlruns"),
) -> None:
    """Write the report of an ablation: one page with its tables and figures, and the same as Markdown, CSV and JSON."""
    from sissi.report.write import write_report

    print(write_report(run, out, tracking))


@app.command()
def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids of ablations' runs, or `latest`.")],
    out: Out = None,
    tracking: Tracking = Path("mlruns"),
) -> None:
    """Show table 1 of several ablations in one, and what differs in their settings."""
    from rich.console import Console

    from sissi.report.compare import compare_runs

    for part in compare_runs(runs, tracking, out):
        Console().print(part)
