"""Commands on images and labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sissi.cli.app import data_app
from sissi.cli.options import Overrides


@data_app.command("demo")
def data_demo(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write to; made if it is missing.")],
    experiment: Annotated[Path, typer.Option(help="Experiment file whose data section describes the demo.")] = Path(
        "experiments/demo.yaml"
    ),
    overrides: Overrides = None,
) -> None:
    """Draw the demo images, in the layouts that a lab's own images can take."""
    from sissi.data.demo_folder import write_demo_folder

    print(write_demo_folder(experiment, overrides or [], out))
