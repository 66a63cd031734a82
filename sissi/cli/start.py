"""The command that begins: from a folder of images to labels, and to an experiment that runs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from sissi.cli.app import app
from sissi.cli.options import writable_output
from sissi.cli.reading import Channels, Plane, Projection, image_reading
from sissi.errors import SissiError
from sissi.names import FormatName, PipelineSetting


@app.command()
def start(
    images: Annotated[Path, typer.Argument(metavar="IMAGES", help="Folder of your images; they stay where they are.")],
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="New folder for labels, pictures and experiment.", callback=writable_output),
    ],
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="LABELS", help="Labels that you have, however rough; without it image processing makes them."
        ),
    ] = None,
    labels_format: Annotated[FormatName, typer.Option(help="Their format.")] = "coco",
    readers: Annotated[
        list[Path] | None,
        typer.Option(metavar="LABELS", help="Careful labels of some images by one person, to score with. Repeatable."),
    ] = None,
    readers_format: Annotated[FormatName, typer.Option(help="Their format.")] = "coco",
    corrected: Annotated[
        Path | None,
        typer.Option(metavar="LABELS", help="Labels of some of the images that you went through, cell by cell."),
    ] = None,
    corrected_format: Annotated[FormatName, typer.Option(help="Their format.")] = "coco",
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", help="Class of labels and readers that counts as a cell; all without it. Repeatable."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Other cells with masks, in Cellpose's layout; without it they are drawn."),
    ] = None,
    cell_size: Annotated[
        float | None,
        typer.Option(min=1, metavar="PX", help="Longer side of a typical cell, in px; without it estimated."),
    ] = None,
    pipeline: Annotated[
        PipelineSetting | None, typer.Option(help="Image processing that makes the labels; auto without it.")
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML of its settings, or a shipped name, such as blood_smear.")
    ] = None,
    plane: Plane = None,
    projection: Projection = None,
    channels: Channels = None,
    labels_only: Annotated[
        bool, typer.Option("--labels-only", help="Stop after the labels and their pictures.")
    ] = False,
) -> None:
    """Begin with a folder of images: label the cells, draw the labels, and write an experiment that runs at once."""
    from sissi.config.load import load_weak_labels
    from sissi.data.start import StartOptions
    from sissi.data.start import start as begin

    if labels_only and labels:
        raise SissiError("--labels-only makes labels, and --labels names some that are there; give one of the two")
    if labels_only and corrected:
        raise SissiError("--corrected is for the training, and --labels-only stops before; leave out one of the two")
    given = {"pipeline": pipeline, "cell_size": cell_size}
    weak_labels = load_weak_labels(settings, [f"{key}={value}" for key, value in given.items() if value is not None])
    reading = image_reading(plane, projection, channels)
    options = StartOptions(
        labels,
        labels_format,
        classes or (),
        readers or (),
        readers_format,
        source,
        weak_labels,
        reading,
        labels_only,
        corrected,
        corrected_format,
    )
    written = begin(images, out, options, print)
    print(f"wrote {written}")
    if not labels_only:
        print(f"Next:\n  {shlex.join(['sissi', 'ablation', str(written)])}")
