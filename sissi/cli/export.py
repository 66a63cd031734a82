"""The command that writes a detector for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sissi.cli.app import app
from sissi.cli.options import MODEL, Tracking, Variant, output_file


@app.command()
def export(
    model: Annotated[str, typer.Argument(help=MODEL)],
    to: Annotated[Literal["onnx", "torchscript"], typer.Option(help="Form of the file.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="File to write.", callback=output_file)],
    check: Annotated[
        list[str] | None,
        typer.Option(
            metavar="IMAGES",
            help="Images, a folder or a pattern, in which boxes and time are compared with the original. Repeatable.",
        ),
    ] = None,
    int8: Annotated[
        list[str] | None,
        typer.Option(
            metavar="IMAGES",
            help="Integers of 8 bits, with ranges set by these images, a folder or a pattern. Repeatable.",
        ),
    ] = None,
    variant: Variant = None,
    tracking: Tracking = Path("mlruns"),
) -> None:
    """Write a trained detector as ONNX or TorchScript, for programs without sissi."""
    from sissi.inference.export import compare, export_model

    detector = export_model(model, to, out, tracking, variant, int8 or ())
    height, width = detector.image_size
    size = out.stat().st_size / 1e6
    form = f"{to} of 8 bits" if int8 else to
    print(f"wrote {detector.settings.preset} for images of {height} x {width} px as {form} to {out} ({size:.1f} MB)")
    if check:
        found = compare(detector, to, out, check)
        print(
            f"{found.images} images with {found.boxes} boxes: {found.unmatched} without a partner, the others at most "
            f"{found.difference:.4f} px apart; {found.exported_ms:.0f} ms an image, before {found.original_ms:.0f} ms"
        )
