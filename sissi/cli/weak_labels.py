"""The command that labels images by image processing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sissi.cli.app import app
from sissi.cli.options import writable_output
from sissi.cli.reading import Channels, Plane, Projection, image_reading
from sissi.names import CELL_NAME, FormatName, PipelineSetting

if TYPE_CHECKING:
    from sissi.data.problems import Problems


@app.command("weak-labels")
def weak_labels(
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGES", help="A folder, patterns such as 'well_*.tif', or single files.")
    ],
    pipeline: Annotated[
        PipelineSetting | None,
        typer.Option(help="auto, without it: chosen for each image; category: by its folder alive, inhib or dead."),
    ] = None,
    cell_size: Annotated[
        float | None,
        typer.Option(metavar="PX", help="Longer side of a typical cell, in px; without it estimated from the images."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT",
            help="New folder for the labels, or for a format of one file that file.",
            callback=writable_output,
        ),
    ] = None,
    format: Annotated[FormatName, typer.Option(help="Format of the labels.")] = "coco",
    overlays: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="New folder for the images with their labels, and a typical cell, drawn in.",
            callback=writable_output,
        ),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(metavar="LABELS", help="True labels, a folder or a file, to measure against.")
    ] = None,
    truth_format: Annotated[FormatName, typer.Option(help="Format of the true labels.")] = "coco",
    truth_classes: Annotated[
        list[str] | None,
        typer.Option("--truth-class", help="Class of the truth that counts as a cell; all without it. Repeatable."),
    ] = None,
    classes: Annotated[
        bool,
        typer.Option("--classes", help="Write the kind of each cell as its class, see weak_labels.kind; else `cell`."),
    ] = False,
    settings: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="YAML of the pipelines' settings, or a shipped name, such as blood_smear."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a setting, as dead.radius=[10,20]. Repeatable."),
    ] = None,
    plane: Plane = None,
    projection: Projection = None,
    channels: Channels = None,
) -> None:
    """Label cells by image processing (appendix A of the paper); against a truth, tell how good the labels are."""
    from rich.console import Console
    from rich.progress import track

    from sissi.config.load import load_weak_labels
    from sissi.data.find import decode_all
    from sissi.data.formats import left_out, write_labels
    from sissi.data.formats.writing import require_new
    from sissi.data.image_arguments import find_arguments
    from sissi.data.problems import Problems
    from sissi.data.weak_label_summary import (
        describe_cell_size,
        describe_each,
        draw_labelled,
        read_truth,
        summary_table,
    )
    from sissi.data.weak_labelling import kinds_of, label_images, sized
    from sissi.errors import DataError
    from sissi.runtime.files import new_output
    from sissi.runtime.tables import TerminalTable

    given = {"pipeline": pipeline, "cell_size": cell_size}
    overrides = [f"{key}={value}" for key, value in given.items() if value is not None]
    chosen = load_weak_labels(settings, [*(changes or []), *overrides])
    for place in filter(None, (out, overlays)):
        require_new(place)
    problems = Problems()
    reading = image_reading(plane, projection, channels)
    samples = decode_all(find_arguments(images, problems), "IMAGES", problems, reading)
    true = read_truth(truth, truth_format, truth_classes, samples, problems) if truth else None
    try:
        full, found = sized(samples, chosen, problems)
    except DataError:
        _warn(problems)  # a plane that was left out may be the one with cells
        raise
    print(describe_cell_size(full, found))
    bar = track(label_images(samples, full), "labelling", len(samples), console=Console(stderr=True), transient=True)
    labelled = list(bar)
    for line in describe_each(labelled, true):
        print(line)
    Console().print(TerminalTable(summary_table(labelled, true)))
    _warn(problems)
    if overlays:
        with new_output(overlays) as unfinished:
            drawn = draw_labelled(labelled, unfinished, full.cell_size)
        print(f"drew {len(drawn)} images in {overlays}")
    if out:
        written = [item.sample for item in labelled]
        boxes, names = kinds_of(labelled, full) if classes else ([sample.boxes for sample in written], (CELL_NAME,))
        with new_output(out) as unfinished:
            files = write_labels(format, written, boxes, unfinished, names)
        place = out / files[0].relative_to(unfinished) if len(files) == 1 else out
        lost = left_out(format, names)
        print(f"wrote the labels as {format} to {place}{f', without their {lost}' if 'classes' in lost else ''}")


def _warn(problems: Problems) -> None:
    for line in problems.summary():
        print(f"warning: {line}", file=sys.stderr)
