"""Commands that show what ablations gave."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sissi.cli.app import app
from sissi.cli.options import Out, Tracking, output_folder, writable_output
from sissi.names import FormatName


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


@app.command()
def labels(
    out: Annotated[
        Path,
        typer.Option(
            metavar="OUT",
            help="New folder for the labels, or for a format of one file that file.",
            callback=writable_output,
        ),
    ],
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="Id of an ablation's run; latest.")] = "latest",
    format: Annotated[FormatName, typer.Option(help="Format of the labels.")] = "coco",
    variant: Annotated[
        str | None, typer.Option(help="Row of the ablation; without it the paper's whole method, if it is there.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the row; without it the first.")] = None,
    epoch: Annotated[
        int | None, typer.Option(help="Epoch that was trained on the labels, 0 for the initial ones; the last.")
    ] = None,
    score: Annotated[float, typer.Option(min=0, max=1, help="Lowest score of a label.")] = 0.0,
    tracking: Tracking = Path("mlruns"),
) -> None:
    """Write the corrected labels of a row of an ablation, in any format."""
    from sissi.data.formats import left_out
    from sissi.results.row_labels import row_labels, write_row_labels
    from sissi.results.stored_ablation import read_ablation
    from sissi.tracking import open_existing_store

    ablation = read_ablation(open_existing_store(tracking), run)
    found = row_labels(ablation, variant, seed, epoch)
    print(f"{ablation.known[found.row].title}, seed {found.seed}, of run {ablation.run.id}: {found.what}")
    place, count = write_row_labels(found, format, score, out)
    lost = left_out(format, found.classes)
    without = f", without their {lost}, for which {format} has no place" if lost else ""
    print(f"wrote {count:,} labels of {len(found.samples):,} images as {format} to {place}{without}")
