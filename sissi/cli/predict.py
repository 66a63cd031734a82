"""The command that finds cells in new images with what was trained."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, get_args

import typer

from sissi.cli.app import app
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
from sissi.cli.reading import Channels, Plane, Projection, image_reading
from sissi.errors import SissiError
from sissi.names import FormatName


@app.command()
def predict(
    model: Annotated[str, typer.Argument(help=MODEL)],
    images: Annotated[list[str], typer.Argument(help="Images, folders of images, or patterns such as 'day*/*.tif'.")],
    out: OutFolder,
    score: Score = None,
    tile: Annotated[
        str,
        typer.Option(
            metavar="HEIGHTxWIDTH|auto|none",
            help="Size in px of the images that the detector was trained on: larger images are cut into tiles of it.",
        ),
    ] = "auto",
    tta: Annotated[bool, typer.Option("--tta", help="Test-time augmentation, as in training: surer, slower.")] = False,
    overlays: Annotated[bool, typer.Option("--overlays", help="Also write the images with their boxes.")] = False,
    format: Annotated[str | None, typer.Option(help=f"Also write labels: {', '.join(get_args(FormatName))}.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Images or tiles that the detector sees at once.")] = 8,
    plane: Plane = None,
    projection: Projection = None,
    channels: Channels = None,
    part: Annotated[
        str | None,
        typer.Option(
            metavar="K/N",
            help="Only every N-th image from the K-th on, for jobs side by side; afterwards once without it, for the "
            "results.",
        ),
    ] = None,
    jobs: Jobs = 1,
    engine: PredictEngine = None,
    address: Address = None,
    variant: Variant = None,
    tracking: Tracking = Path("mlruns"),
) -> None:
    """Find and count the cells in images: predictions.json (COCO), counts.csv. Run again, it goes on where it was."""
    from rich.console import Console

    from sissi.inference.predict_folder import Options, predict_folder

    reading = image_reading(plane, projection, channels)
    chosen, ray = part_of(part), ray_address(engine, address)
    options = Options(
        score, tile_size(tile), tta, overlays, format, batch, tracking, variant, reading, chosen, jobs=jobs, address=ray
    )
    found = predict_folder(model, images, out, options, Console())
    if chosen is not None:
        rest = "when all parts are done, the same command without --part writes the results"
        print(f"part {part}: {len(found.samples)} images in {out}; {rest}")
        return
    cells = sum(len(sample.boxes) for sample in found.samples)
    print(f"{cells} cells with a score of {found.score} or more in {len(found.samples)} images: {out}")
    if found.unreadable:
        lines = [f"{len(found.unreadable)} of {len(found.images)} images cannot be read, see counts.csv"]
        raise SissiError("\n  ".join([*lines, *found.unreadable.values()]))


def part_of(text: str | None) -> tuple[int, int] | None:
    """Number of a part and number of parts that --part gives.

    Raises:
        SissiError: it is none of N parts.
    """
    if text is None:
        return None
    numbers = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text)
    if numbers is None or int(numbers[1]) > int(numbers[2]):
        raise SissiError(f"--part {text}: give the number of a part and of parts, such as 3/16")
    return int(numbers[1]), int(numbers[2])


def tile_size(text: str) -> tuple[int, int] | str:
    """Height and width that --tile gives, or its word.

    Raises:
        SissiError: it is neither.
    """
    if text in ("auto", "none"):
        return text
    sides = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if sides is None:
        raise SissiError(f"--tile {text}: give height x width in px, such as 480x640, or auto or none")
    return int(sides[1]), int(sides[2])
