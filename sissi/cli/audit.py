"""The command that says which labels to doubt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sissi.cli.app import app
from sissi.cli.classes import Meaning, class_meaning
from sissi.cli.data import CellSize
from sissi.cli.options import OutFolder, Tracking
from sissi.names import FormatName


@app.command()
def audit(
    labels: Annotated[Path, typer.Argument(metavar="LABELS", help="Labels in doubt, a folder or one file.")],
    images: Annotated[Path, typer.Argument(metavar="IMAGES", help="Folder of their images.")],
    out: OutFolder = Path("audit"),
    source: Annotated[FormatName, typer.Option("--from", help="Format of LABELS.")] = "coco",
    classes: Annotated[
        list[str] | None, typer.Option("--class", help="Class that counts as a cell; all without it. Repeatable.")
    ] = None,
    meaning: Meaning = None,
    cell_size: CellSize = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            "--ignore-name",
            metavar="NAME",
            help="Name in the labels of regions that nobody annotated: nothing is learnt from them or flagged in them. "
            "Crowd regions of COCO are such regions, too. Repeatable.",
        ),
    ] = None,
    folds: Annotated[int, typer.Option(min=2, help="Detectors; each is trained without its share of the images.")] = 3,
    repeats: Annotated[
        int, typer.Option(min=1, help="Detectors that judge an image: all folds are trained so often.")
    ] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Of the folds and of the training.")] = 0,
    score: Annotated[float, typer.Option(min=0, max=1, help="Lowest score of a box in the results.")] = 0.5,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Images to be corrected, the worst first.")] = 20,
    format: Annotated[str, typer.Option(help="Of their labels: label_studio, cvat, or any other.")] = "label_studio",
    tracking: Tracking = Path("mlruns"),
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a setting of the training, as training.epochs=20."),
    ] = None,
) -> None:
    """Find the boxes of LABELS that are likely missing, wrong or loose. Run again, it goes on where it was."""
    from rich.console import Console

    from sissi.config import LabelFiles
    from sissi.inference.audit.cross_fitting import Plan
    from sissi.inference.audit.run import AuditOptions
    from sissi.inference.audit.run import audit as audited

    given = LabelFiles(format=source, labels=labels, classes=tuple(classes) if classes else None, cell_size=cell_size)
    names, ignored = class_meaning(meaning), tuple(ignore or ())
    options = AuditOptions(Plan(folds, repeats, seed), score, count, format, names, ignored, tracking, overrides or ())
    counts = audited(given, images, out, options, Console()).counts()
    print(f"{counts['missing']} missing, {counts['wrong']} wrong, {counts['loose']} loose: {out / 'index.html'}")
