"""The command that says which images to correct by hand."""

from __future__ import annotations

import sys
from glob import has_magic
from pathlib import Path
from typing import Annotated

import typer

from sissi.cli.app import app
from sissi.cli.options import OutFolder, Tracking
from sissi.cli.reading import Channels, Plane, Projection, image_reading
from sissi.errors import SissiError

OF_RUN, OF_IMAGES = 20, 10
"""Number of images without --count, of an ablation and of images alone."""


@app.command()
def suggest(
    of: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|IMAGES", help="Id of an ablation's run in MLflow, or latest; or images, before any ablation."
        ),
    ],
    out: OutFolder,
    count: Annotated[
        int | None,
        typer.Option("-n", "--count", min=1, help=f"Images to be corrected: {OF_RUN} of a run, {OF_IMAGES} of images."),
    ] = None,
    format: Annotated[str, typer.Option(help="Of their labels: label_studio, cvat, or any other.")] = "label_studio",
    views: Annotated[
        bool, typer.Option(help="Also look with every trained detector at every view of every image; takes its time.")
    ] = True,
    tracking: Tracking = Path("mlruns"),
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Override a key of the experiment, or of IMAGES a setting of the weak labels, as cell_size=40.",
        ),
    ] = None,
    plane: Plane = None,
    projection: Projection = None,
    channels: Channels = None,
) -> None:
    """Choose the images whose correction by hand helps most, and export them: of an ablation, or before any."""
    from rich.console import Console

    from sissi.data.formats import FORMATS

    if format not in FORMATS:
        raise SissiError(f"--format {format}: no such label format; use one of {', '.join(FORMATS)}")
    reading = image_reading(plane, projection, channels)
    if len(of) > 1 or has_magic(of[0]) or (of[0] != "latest" and Path(of[0]).exists()):
        from sissi.active_learning.first_images import suggest_first
        from sissi.config.load import load_weak_labels
        from sissi.data.find import decode_all
        from sissi.data.image_arguments import find_arguments
        from sissi.data.problems import Problems
        from sissi.data.weak_label_summary import describe_cell_size
        from sissi.data.weak_labelling import sized

        settings, problems = load_weak_labels(None, overrides or []), Problems()
        samples = decode_all(find_arguments(of, problems), "IMAGES", problems, reading)
        full, found = sized(samples, settings, problems)
        print(describe_cell_size(full, found))
        for line in problems.summary():
            print(f"warning: {line}", file=sys.stderr)
        first = count or OF_IMAGES
        of_all = len(suggest_first(samples, settings, full, out, first, format, Console()))
        first = min(first, of_all)
    elif any(option is not None for option in (plane, projection, channels)):
        raise SissiError(f"{of[0]}: no such image; --plane, --projection and --channels are for images")
    else:
        from sissi.active_learning.suggest import Options
        from sissi.active_learning.suggest import suggest as ranked

        options = Options(count or OF_RUN, format, views, tracking, overrides or [])
        first, of_all = ranked(of[0], out, options, Console())
    print(f"{first} of {of_all} images to be looked at first: {out / 'suggestions.md'}")
