"""Commands on images and labels."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sissi.cli.app import data_app
from sissi.cli.classes import Meaning, class_meaning
from sissi.cli.options import ExperimentFile, Overrides, output_file, output_folder, writable_output
from sissi.names import FormatName

EXAMPLES = 10
"""Files that are named for each kind of problem; --problems has them all."""
CellSize = Annotated[
    float | None,
    typer.Option(
        metavar="PX", min=0.01, help="Side of the box around a label that is a point; without it points are left out."
    ),
]


@data_app.command("demo")
def data_demo(
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Folder to write to; made if it is missing.", callback=output_folder)
    ],
    experiment: Annotated[
        Path, typer.Option(help="Experiment, a file or a shipped name, whose data section describes the demo.")
    ] = Path("demo"),
    overrides: Overrides = None,
) -> None:
    """Draw the demo images, in the layouts that a lab's own images can take."""
    from sissi.data.demo.folder import write_demo_folder

    print(write_demo_folder(experiment, overrides or [], out))


@data_app.command("check")
def data_check(
    experiment: ExperimentFile,
    problems: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write every problem to this CSV file.", callback=output_file),
    ] = None,
    overrides: Overrides = None,
) -> None:
    """Read every image and label of an experiment, and tell what is wrong; exits with 1 if something must be mended."""
    from rich.console import Console

    from sissi.config.load import load_experiment
    from sissi.data.checks.check import check_data
    from sissi.data.checks.report import counts, histogram, lines, write_problems
    from sissi.runtime.tables import TerminalTable

    settings = load_experiment(experiment, overrides or [])
    check = check_data(settings)
    console = Console()
    console.print(TerminalTable(counts(check)), TerminalTable(histogram(check, settings)))
    for line in lines(check, EXAMPLES):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if problems is not None:
        write_problems(check, problems)
    console.print(f"{check.errors} errors, {check.warnings} warnings")
    if check.errors:
        raise typer.Exit(1)


@data_app.command("convert")
def data_convert(
    labels: Annotated[Path, typer.Argument(metavar="LABELS", help="Folder of the label files, or the one file.")],
    source: Annotated[FormatName, typer.Option("--from", help="Format of LABELS.")],
    target: Annotated[FormatName, typer.Option("--to", help="Format to write.")],
    images: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the images.", file_okay=False)],
    out: Annotated[
        Path,
        typer.Option(
            metavar="OUT", help="New folder, or for a format of one file that file.", callback=writable_output
        ),
    ],
    classes: Annotated[
        list[str] | None, typer.Option("--class", help="Class that counts as a cell; all without it. Repeatable.")
    ] = None,
    meaning: Meaning = None,
    cell_size: CellSize = None,
) -> None:
    """Write labels in another format: for another program, or to correct them by hand and read them back."""
    from sissi.config import LabelFiles
    from sissi.data.convert import convert
    from sissi.data.problems import Problems

    problems = Problems()
    wanted = tuple(classes) if classes else None
    given = LabelFiles(format=source, labels=labels, classes=wanted, cell_size=cell_size)
    files, amount = convert(given, target, images, out, problems, class_meaning(meaning))
    for line in problems.summary():
        print(f"warning: {line}", file=sys.stderr)
    place = files[0] if len(files) == 1 else f"{out} ({len(files):,} files)"
    print(f"wrote {amount} as {target} to {place}")


@data_app.command("merge")
def data_merge(
    labels: Annotated[Path, typer.Argument(metavar="LABELS", help="Labels of all images, a folder or one file.")],
    corrections: Annotated[Path, typer.Argument(metavar="CORRECTIONS", help="Better labels of some of the images.")],
    images: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the images.", file_okay=False)],
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="New file for the labels of all images, as COCO.", callback=writable_output),
    ],
    source: Annotated[FormatName, typer.Option("--from", help="Format of LABELS.")] = "coco",
    better: Annotated[FormatName, typer.Option("--with", help="Format of CORRECTIONS.")] = "label_studio",
    meaning: Meaning = None,
    cell_size: CellSize = None,
) -> None:
    """Put labels that were corrected by hand in the place of the old ones, and keep those of the other images."""
    from sissi.config import LabelFiles
    from sissi.data.merge import merge
    from sissi.data.problems import Problems

    problems = Problems()
    before = LabelFiles(format=source, labels=labels, cell_size=cell_size)
    corrected = LabelFiles(format=better, labels=corrections, cell_size=cell_size)
    changed, total = merge(before, corrected, images, out, problems, class_meaning(meaning))
    for line in problems.summary():
        print(f"warning: {line}", file=sys.stderr)
    print(f"wrote {total:,} images as coco to {out}, {changed:,} of them corrected")
