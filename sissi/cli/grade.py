"""The command that grades wells: viability with an interval, and the grade of cytotoxicity."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from sissi.cli.app import app
from sissi.cli.classes import Meaning, class_meaning
from sissi.cli.options import (
    MODEL,
    Address,
    Jobs,
    OutFolder,
    PredictEngine,
    Score,
    Tracking,
    Variant,
    ray_address,
)
from sissi.cli.predict import tile_size
from sissi.cli.reading import Channels, Plane, Projection, image_reading
from sissi.errors import SissiError
from sissi.names import FormatName


@app.command()
def grade(
    model: Annotated[str, typer.Argument(help=MODEL)],
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGES", help="Folders with a folder for each well, patterns, or images.")
    ],
    out: OutFolder,
    models: Annotated[
        list[str] | None,
        typer.Option("--models", metavar="MODEL", help="A further detector, such as of another seed. Repeatable."),
    ] = None,
    wells: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Regular expression with a group for the well, such as '(?P<well>[A-H][0-9]+)'; without it, and "
            "without --layout, each folder is a well.",
        ),
    ] = None,
    layout: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="The wells: columns image, well, and perhaps plate, dose, unit, control."),
    ] = None,
    living: Annotated[
        list[str] | None, typer.Option(metavar="CLASS", help="A class of living cells. Repeatable. [all others]")
    ] = None,
    affected: Annotated[
        list[str] | None, typer.Option(metavar="CLASS", help="A class of affected cells. Repeatable. [dead]")
    ] = None,
    limits: Annotated[
        str, typer.Option(metavar="N,N,N,N", help="Largest share of affected cells of grades 0 to 3, in %.")
    ] = "0,20,50,70",
    validation: Annotated[
        tuple[Path, str] | None,
        typer.Option(metavar="LABELS IMAGES", help="Labels by people, and their images: the detector's errors."),
    ] = None,
    validation_format: Annotated[FormatName, typer.Option(help="Format of these labels.")] = "coco",
    meaning: Meaning = None,
    confusion: Annotated[
        Path | None,
        typer.Option(
            metavar="JSON", help="The detector's errors as --validation measured them; without it, those beside it."
        ),
    ] = None,
    score: Score = None,
    tile: Annotated[str, typer.Option(metavar="HEIGHTxWIDTH|auto|none", help="As in `sissi predict`.")] = "auto",
    tta: Annotated[bool, typer.Option("--tta", help="Test-time augmentation, as in training: surer, slower.")] = False,
    overlays: Annotated[bool, typer.Option("--overlays", help="Also write the images with their boxes.")] = False,
    batch: Annotated[int, typer.Option(min=1, help="Images or tiles that the detector sees at once.")] = 8,
    plane: Plane = None,
    projection: Projection = None,
    channels: Channels = None,
    jobs: Jobs = 1,
    engine: PredictEngine = None,
    address: Address = None,
    variant: Variant = None,
    tracking: Tracking = Path("mlruns"),
) -> None:
    """Grade wells as a second opinion: viability with its interval, grade 0 to 4. Run again, it goes on."""
    from rich.console import Console

    from sissi.inference.grading.run import GradeOptions, grade_images
    from sissi.inference.grading.tables import grade_table
    from sissi.inference.grading.validation import Validation
    from sissi.inference.predict_folder import Options
    from sissi.runtime.tables import TerminalTable

    if wells is not None and layout is not None:
        raise SissiError("--wells and --layout both name the wells; give one of the two")
    if validation is not None and confusion is not None:
        raise SissiError("--validation and --confusion both tell the detector's errors; give one of the two")
    reading = image_reading(plane, projection, channels)
    labelled = None if validation is None else Validation(*validation, validation_format, class_meaning(meaning))
    ray = ray_address(engine, address)
    options = GradeOptions(
        Options(score, tile_size(tile), tta, overlays, None, batch, tracking, variant, reading, jobs=jobs, address=ray),
        wells,
        layout,
        tuple(living or ()),
        tuple(affected or ()),
        _limits(limits),
        labelled,
        confusion,
    )
    grades = grade_images([model, *(models or ())], images, out, options, Console())
    Console().print(TerminalTable(grade_table("well", "Wells.", grades.level("well"), grades.classes)))
    print(f"{grades.summary()}: {out / 'index.html'}")
    print("A second opinion: no medical device, and no replacement for the person who looks.")
    unreadable = grades.found[0].unreadable
    if unreadable:
        lines = [f"{len(unreadable)} of {len(grades.found[0].images)} images cannot be read, see grades.csv"]
        raise SissiError("\n  ".join([*lines, *unreadable.values()]))


def _limits(text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) / 100 for part in text.split(","))
    except ValueError:
        numbers = ()
    ascending = all(low < high for low, high in pairwise(numbers))
    if len(numbers) != 4 or not ascending or not (numbers[0] >= 0 and numbers[-1] <= 1):
        raise SissiError(f"--limits {text}: give four ascending numbers from 0 to 100, such as 0,20,50,70")
    return numbers
